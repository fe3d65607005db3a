import type { DraftPort, DraftProtocol } from './draft.ts';
import { guessProtocol } from './images.ts';
import type { ServiceNotes } from './notes.ts';
import { textOf, type Tree } from './tree.ts';

/** More are not meant by anybody: media servers with thousands of ports need another kind of network. */
const maxRange = 64;

/** Ports of `ports:` (published) or `expose:`, in all short and long forms; the container's side counts. */
export function readPorts(tree: Tree, notes: ServiceNotes, isPublished: boolean): DraftPort[] {
  if (tree.kind !== 'list') {
    notes.error(tree.line, `${isPublished ? 'ports' : 'expose'} is a list, such as - "8080:80"`);
    return [];
  }
  return tree.items.flatMap((item) =>
    item.kind === 'table' ? readLong(item, notes) : readShort(item, notes, isPublished),
  );
}

function readShort(item: Tree, notes: ServiceNotes, isPublished: boolean): DraftPort[] {
  const text = textOf(item)?.trim() ?? '';
  const match =
    /^(?:(?:(\[[0-9a-fA-F:]+\]|\d{1,3}(?:\.\d{1,3}){3}|localhost|\*?):)?(\d+(?:-\d+)?)?:)?(\d+)(?:-(\d+))?(?:\/(\w+))?$/.exec(
      text,
    );
  if (!match) {
    notes.error(
      item.line,
      `"${text.slice(0, 60)}" is no port; write "host:container", "container" or a range "3000-3005"`,
    );
    return [];
  }
  const [, hostIp, , first, last, transport = 'tcp'] = match;
  if (hostIp && isLoopback(hostIp))
    notes.info(item.line, `Port ${first} was for the machine itself (${hostIp}); it stays inside the team`);
  return portsOf(item.line, notes, {
    first: Number(first),
    last: Number(last ?? first),
    transport,
    isPublished: isPublished && !(hostIp && isLoopback(hostIp)),
  });
}

const isLoopback = (ip: string) => ip.startsWith('127.') || ip === '[::1]' || ip === 'localhost';

function readLong(item: Tree & { kind: 'table' }, notes: ServiceNotes): DraftPort[] {
  const get = (name: string) => textOf(item.entries.get(name)?.value);
  const target = /^(\d+)(?:-(\d+))?$/.exec(get('target') ?? '');
  if (!target) {
    notes.error(item.line, 'A port in its long form needs target, the port of the container');
    return [];
  }
  const known = ['target', 'published', 'protocol', 'app_protocol', 'host_ip', 'name', 'mode'];
  for (const [name, { line }] of item.entries)
    if (!known.includes(name)) notes.warn(line, `ports.${name} is not known and left out`);
  if (get('mode') === 'host')
    notes.info(item.line, 'mode: host has no meaning here: requests come through the gateway');
  const hostIp = get('host_ip');
  return portsOf(item.line, notes, {
    first: Number(target[1]),
    last: Number(target[2] ?? target[1]),
    transport: get('protocol') ?? 'tcp',
    appProtocol: get('app_protocol') ?? undefined,
    isPublished: !(hostIp && isLoopback(hostIp)),
  });
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly transport: string;
  readonly appProtocol?: string | undefined;
  readonly isPublished: boolean;
}

function portsOf(line: number, notes: ServiceNotes, range: Range): DraftPort[] {
  const { first, last, isPublished } = range;
  const transport = range.transport.toLowerCase();
  if (first < 1 || last > 65_535 || last < first) {
    notes.error(line, `Port ${first}${last === first ? '' : `-${last}`} is not between 1 and 65535`);
    return [];
  }
  if (last - first >= maxRange) {
    notes.error(
      line,
      `Ports ${first}-${last} are ${last - first + 1}; an app has at most ${maxRange} of a range`,
    );
    return [];
  }
  if (transport !== 'tcp' && transport !== 'udp') {
    notes.error(line, `Protocol "${transport}" is not supported; tcp and udp are`);
    return [];
  }
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const port = first + index;
    const protocol = transport === 'udp' ? 'UDP' : protocolOf(port, range.appProtocol);
    const isWeb = protocol === 'HTTP' || protocol === 'GRPC';
    if (isPublished && !isWeb)
      notes.info(
        line,
        `Port ${port} speaks ${protocol}: apps of the team reach it; for outside, add a port of the gateway on its Ports page`,
      );
    return { port, protocol, public: isPublished && isWeb };
  });
}

function protocolOf(port: number, named: string | undefined): DraftProtocol {
  if (!named) return guessProtocol(port);
  if (/^(grpc|h2c|http2|kubernetes\.io\/h2c)/i.test(named)) return 'GRPC';
  return /^(https?|wss?|kubernetes\.io\/wss?)$/i.test(named) ? 'HTTP' : 'TCP';
}

/** One for each number: a published one wins, the first protocol stays. */
export function mergePorts(ports: readonly DraftPort[], line: number, notes: ServiceNotes): DraftPort[] {
  const byPort = new Map<number, DraftPort>();
  for (const port of ports) {
    const known = byPort.get(port.port);
    const isOther = known && (known.protocol === 'UDP') !== (port.protocol === 'UDP');
    if (isOther)
      notes.warn(
        line,
        `Port ${port.port} is wanted for TCP and UDP; an app has a number once, so only ${known.protocol} is taken`,
      );
    else byPort.set(port.port, known ? { ...known, public: known.public || port.public } : port);
  }
  return [...byPort.values()].sort((left, right) => left.port - right.port);
}
