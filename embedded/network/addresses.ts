import { AppError } from '@skyarc/lib/errors';

/** An IPv4 network as numbers: its first address and its prefix length. */
interface Cidr {
  readonly base: number;
  readonly prefix: number;
}

/** Throws INVALID for anything but IPv4 `a.b.c.d/n`. */
function parseCidr(text: string): Cidr {
  const [address = '', prefixText = ''] = text.split('/');
  const prefix = Number(prefixText);
  if (!/^\d{1,2}$/.test(prefixText) || prefix > 32) {
    throw new AppError('INVALID', `"${text}" is not an IPv4 network such as 10.96.0.0/16`);
  }
  const mask = prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0;
  return { base: (parseAddress(address) & mask) >>> 0, prefix };
}

/** Throws INVALID for anything but dotted IPv4. */
function parseAddress(text: string): number {
  const parts = text.split('.');
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) {
    throw new AppError('INVALID', `"${text}" is not an IPv4 address`);
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** The nth address of a network; the first usable one is 1. */
export function nthAddress(cidr: string, n: number): string {
  return formatAddress(parseCidr(cidr).base + n);
}

/** The zones of `in-addr.arpa` that hold a network's addresses and no others, as far as zones go by whole bytes. */
export function reverseZonesOf(cidr: string): string[] {
  const { base, prefix } = parseCidr(cidr);
  const bytes = Math.max(1, Math.ceil(prefix / 8));
  const size = 2 ** (32 - bytes * 8);
  return Array.from({ length: 2 ** (bytes * 8 - prefix) }, (_, i) => {
    const labels = formatAddress(base + i * size).split('.');
    return `${labels.slice(0, bytes).toReversed().join('.')}.in-addr.arpa`;
  });
}
