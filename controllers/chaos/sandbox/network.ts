import { type ChildProcess, spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';
import { type RepoAccess, RepoDoor } from './repo-door.ts';

/** What can be reached from within. */
export interface Reach {
  /** Addresses that may be reached even when they are private. */
  readonly addresses: readonly string[];
  /** True: other private addresses too, except this machine's own. */
  readonly allowPrivate: boolean;
  /** True: nothing is reached but `repo` and those addresses, and no name is looked up. */
  readonly isClosed: boolean;
}

export interface NetworkOptions extends Reach {
  /** Name of the network namespace; at most 60 characters. */
  readonly name: string;
  /** Packages of the data centre, found within at `repoAddress`; null: none are served. */
  readonly repo: RepoAccess | null;
}

/** Where every build finds the data centre's packages: the same on all machines, as it may stand in an image. */
export const repoAddress = { host: '10.0.2.2', port: 8081 } as const;

/** The resolver inside, which slirp4netns answers with this machine's. */
export const sandboxResolver = '10.0.2.3';

const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];
/** Addresses of slirp4netns itself, the machine's loopback behind one of them. */
const slirpRange = '10.0.2.0/24';
const neverReached = ['127.0.0.0/8', '169.254.0.0/16', '0.0.0.0/8', '224.0.0.0/4'];

/**
 * A network namespace that reaches the internet by slirp4netns, but not this machine and, unless allowed,
 * no private network. Its packet filter belongs to the outer user namespace: no process inside can change it.
 */
export class SandboxNetwork {
  readonly path: string;
  private readonly name: string;
  private readonly slirp: ChildProcess;
  private readonly door: RepoDoor | null;

  private constructor(name: string, slirp: ChildProcess, door: RepoDoor | null) {
    this.name = name;
    this.path = `/run/netns/${name}`;
    this.slirp = slirp;
    this.door = door;
  }

  static async open(options: NetworkOptions): Promise<SandboxNetwork> {
    const { name, repo } = options;
    await removeNetwork(name);
    await must('ip', ['netns', 'add', name]);
    await must('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    const door = repo && (await RepoDoor.open(repo));
    try {
      await filter(name, options, door?.port);
      return new SandboxNetwork(name, await startSlirp(`/run/netns/${name}`, door !== null), door);
    } catch (error) {
      await door?.close();
      throw error;
    }
  }

  /** Other bounds from now on, for connections that there are, too. */
  limit(reach: Reach): Promise<void> {
    return filter(this.name, reach, this.door?.port);
  }

  async close(): Promise<void> {
    this.slirp.kill('SIGKILL');
    await this.door?.close();
    await removeNetwork(this.name);
  }
}

export async function removeNetwork(name: string): Promise<void> {
  await run('ip', ['netns', 'delete', name]);
}

/** IPv4 addresses of a host as this machine knows it; none when it does not. */
export async function addressesOf(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, family: 4 }).catch(() => []);
  return found.map(({ address }) => address);
}

function filter(name: string, reach: Reach, doorPort: number | undefined): Promise<void> {
  return must('ip', ['netns', 'exec', name, 'nft', '-f', '-'], renderFilter(reach, doorPort));
}

/** Rules of nft(8) instead of those that there were; the first that matches wins. Of this machine's loopback only the door is reached. */
function renderFilter({ addresses, allowPrivate, isClosed }: Reach, doorPort: number | undefined): string {
  const own = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ family }) => family === 'IPv4')
    .map(({ address }) => address);
  return [
    'table inet guard {}',
    'delete table inet guard',
    'table inet guard {',
    ...(doorPort === undefined
      ? []
      : [
          '  chain door {',
          '    type nat hook output priority -100; policy accept;',
          `    ip daddr ${repoAddress.host} tcp dport ${repoAddress.port} dnat ip to ${repoAddress.host}:${doorPort}`,
          '  }',
        ]),
    '  chain out {',
    '    type filter hook output priority 0; policy accept;',
    '    oifname "lo" accept',
    // A name that is looked up tells something to whoever answers for it.
    ...(isClosed
      ? []
      : ['udp', 'tcp'].map((kind) => `    ip daddr ${sandboxResolver} ${kind} dport 53 accept`)),
    ...(doorPort === undefined ? [] : [`    ip daddr ${repoAddress.host} tcp dport ${doorPort} accept`]),
    `    ip daddr ${set([...neverReached, slirpRange])} reject with icmp type admin-prohibited`,
    ...own
      .filter((address) => !address.startsWith('127.'))
      .map((address) => `    ip daddr ${address} reject with icmp type admin-prohibited`),
    ...(addresses.length > 0 ? [`    ip daddr ${set(addresses)} accept`] : []),
    ...(isClosed ? ['    reject with icmpx type admin-prohibited'] : []),
    ...(allowPrivate ? [] : [`    ip daddr ${set(privateRanges)} reject with icmp type admin-prohibited`]),
    '    meta nfproto ipv6 reject with icmpv6 type admin-prohibited',
    '  }',
    '}',
    '',
  ].join('\n');
}

function set(addresses: readonly string[]): string {
  return `{ ${[...new Set(addresses)].join(', ')} }`;
}

/** Ready when it returns; ends by itself with this process, because it holds the other end of a pipe. */
async function startSlirp(netns: string, reachesLoopback: boolean): Promise<ChildProcess> {
  const loopback = reachesLoopback ? [] : ['--disable-host-loopback'];
  const options = ['--configure', '--mtu=65520', ...loopback, '--netns-type=path'];
  const child = spawn('slirp4netns', [...options, '--ready-fd=3', '--exit-fd=4', netns, 'tap0'], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-500)));
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) =>
      reject(new AppError('UNAVAILABLE', `Cannot give the build a network: ${reason}`));
    child.stdio[3]?.once('data', () => resolve());
    child.once('error', (error) => fail(error.message));
    child.once('exit', () => fail(complaint.trim() || 'slirp4netns ended'));
  });
  return child;
}

async function must(command: string, args: readonly string[], input?: string): Promise<void> {
  const { code, stderr } = await run(command, args, { input });
  if (code !== 0) throw new AppError('UNAVAILABLE', `Cannot give the build a network: ${stderr.trim()}`);
}
