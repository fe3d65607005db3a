import { lookup as systemLookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv4 } from 'node:net';
import { AppError } from '@skyarc/lib/errors';

export interface EgressPolicy {
  /** True lets private, loopback and reserved addresses through: an administrator's choice. */
  readonly allowPrivate: boolean;
  /** All addresses of a host name; the system's resolver when absent. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

/** A host that may be reached, bound to the one address that was checked. */
export interface PinnedHost {
  readonly host: string;
  /** Connect to this one, whatever the name resolves to later. */
  readonly address: string;
}

/**
 * The address of a host that a person named. Throws NOT_FOUND when nothing has that name, UNAVAILABLE when
 * the resolver fails, FORBIDDEN when one of its addresses is not public.
 */
export async function pinHost(host: string, policy: EgressPolicy): Promise<PinnedHost> {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const addresses = isIP(bare) ? [bare] : await resolveAll(bare, policy.resolve ?? resolveBySystem);
  const refused = policy.allowPrivate ? undefined : addresses.find((address) => kindOf(address) !== 'public');
  if (refused !== undefined) {
    const via = refused === bare ? '' : ` (${refused})`;
    throw new AppError(
      'FORBIDDEN',
      `Cannot reach ${bare}${via}: it is a ${kindOf(refused)} address, and only public ones are allowed; an administrator can allow private sources`,
      { details: { host: bare, address: refused } },
    );
  }
  return { host: bare, address: addresses.find((address) => isIPv4(address)) ?? (addresses[0] as string) };
}

/** What an IP address is by the IANA special-purpose registries, also when it carries another within it. */
export function kindOf(address: string): string {
  const embedded = embeddedIpv4(address);
  if (embedded) return kindOf(embedded);
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  return ranges.find(({ list }) => list.check(address, family))?.kind ?? 'public';
}

async function resolveAll(
  host: string,
  resolve: (host: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  try {
    const addresses = await resolve(host);
    if (addresses.length > 0) return addresses;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOTFOUND' && code !== 'ENODATA') {
      throw new AppError('UNAVAILABLE', `Cannot look up host ${host}: ${code ?? 'the resolver failed'}`, {
        cause,
      });
    }
  }
  throw new AppError('NOT_FOUND', `Unknown host ${host}: check the address for a typing mistake`);
}

async function resolveBySystem(host: string): Promise<readonly string[]> {
  return (await systemLookup(host, { all: true })).map(({ address }) => address);
}

/** The IPv4 address inside a mapped, translated (RFC 6052), 6to4 or Teredo address. */
function embeddedIpv4(address: string): string | undefined {
  if (isIPv4(address) || !isIP(address)) return undefined;
  const groups = expand(address);
  const [a, b] = groups;
  const at = (index: number, mask = 0) =>
    [groups[index], groups[index + 1]]
      .flatMap((group) => [((group as number) ^ mask) >> 8, ((group as number) ^ mask) & 0xff])
      .join('.');
  const isZero = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  if (isZero(0, 5) && groups[5] === 0xffff) return at(6);
  if (isZero(0, 6) && groups[6] !== 0) return at(6);
  if (a === 0x64 && b === 0xff9b && isZero(2, 6)) return at(6);
  if (a === 0x2002) return at(1);
  if (a === 0x2001 && b === 0) return at(6, 0xffff);
  return undefined;
}

/** The eight groups of an IPv6 address (RFC 4291, 2.2); a zone index is dropped. */
function expand(address: string): readonly number[] {
  const [text = ''] = address.split('%');
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const plain = dotted
    ? `${text.slice(0, dotted.index)}${hexOf(dotted[1], dotted[2])}:${hexOf(dotted[3], dotted[4])}`
    : text;
  const [head = '', tail] = plain.split('::');
  const left = groupsOf(head);
  const right = groupsOf(tail ?? '');
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function groupsOf(text: string): number[] {
  return text ? text.split(':').map((group) => Number.parseInt(group, 16)) : [];
}

function hexOf(high?: string, low?: string): string {
  return ((Number(high) << 8) | Number(low)).toString(16);
}

const ranges = Object.entries({
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', 'fec0::/10'],
  'link-local': ['169.254.0.0/16', 'fe80::/10'],
  multicast: ['224.0.0.0/4', 'ff00::/8'],
  documentation: ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'],
  reserved: ['0.0.0.0/8', '192.0.0.0/24', '192.88.99.0/24', '198.18.0.0/15', '240.0.0.0/4', '::/128'],
  'special-purpose': ['64:ff9b:1::/48', '100::/64', '2001:2::/48', '2001:10::/28', '5f00::/16'],
}).map(([kind, subnets]) => {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', prefix] = subnet.split('/');
    list.addSubnet(network, Number(prefix), isIPv4(network) ? 'ipv4' : 'ipv6');
  }
  return { kind, list };
});
