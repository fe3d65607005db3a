import { type ChildProcess, spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';

export interface NetworkOptions {
  /** Name of the network namespace; at most 60 characters. */
  readonly name: string;
  /** Hosts that may be reached even at a private address. */
  readonly hosts: readonly string[];
  /** True: other private addresses too, except this machine's own. */
  readonly allowPrivate: boolean;
}

/** The resolver inside, which slirp4netns answers with this machine's. */
export const sandboxResolver = '10.0.2.3';

const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];
const neverReached = ['127.0.0.0/8', '169.254.0.0/16', '0.0.0.0/8', '224.0.0.0/4'];

/**
 * A network namespace that reaches the internet by slirp4netns, but not this machine and, unless allowed,
 * no private network. Its packet filter belongs to the outer user namespace: no process inside can change it.
 */
export class SandboxNetwork {
  readonly path: string;
  private readonly name: string;
  private readonly slirp: ChildProcess;

  private constructor(name: string, slirp: ChildProcess) {
    this.name = name;
    this.path = `/run/netns/${name}`;
    this.slirp = slirp;
  }

  static async open(options: NetworkOptions): Promise<SandboxNetwork> {
    const { name } = options;
    await removeNetwork(name);
    await must('ip', ['netns', 'add', name]);
    await must('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    await must('ip', ['netns', 'exec', name, 'nft', '-f', '-'], await renderFilter(options));
    return new SandboxNetwork(name, await startSlirp(`/run/netns/${name}`));
  }

  async close(): Promise<void> {
    this.slirp.kill('SIGKILL');
    await removeNetwork(this.name);
  }
}

export async function removeNetwork(name: string): Promise<void> {
  await run('ip', ['netns', 'delete', name]);
}

/** Rules of nft(8); the first that matches wins. */
async function renderFilter({ hosts, allowPrivate }: NetworkOptions): Promise<string> {
  const found = await Promise.all(
    hosts.map((host) => lookup(host, { all: true, family: 4 }).catch(() => [])),
  );
  const upstreams = [...new Set(found.flat().map(({ address }) => address))];
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family }) => family === 'IPv4')
    .map(({ address }) => address);
  return [
    'table inet guard {',
    '  chain out {',
    '    type filter hook output priority 0; policy accept;',
    '    oifname "lo" accept',
    `    ip daddr ${sandboxResolver} udp dport 53 accept`,
    `    ip daddr ${sandboxResolver} tcp dport 53 accept`,
    `    ip daddr ${set(neverReached)} reject with icmp type admin-prohibited`,
    ...own
      .filter((address) => !address.startsWith('127.'))
      .map((address) => `    ip daddr ${address} reject with icmp type admin-prohibited`),
    ...(upstreams.length > 0 ? [`    ip daddr ${set(upstreams)} accept`] : []),
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
async function startSlirp(netns: string): Promise<ChildProcess> {
  const options = ['--configure', '--mtu=65520', '--disable-host-loopback', '--netns-type=path'];
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
