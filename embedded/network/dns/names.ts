import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { Daemon } from '@skyarc/lib/process';
import { decode, encode } from 'dns-packet';
import { Follower } from '../follower.ts';
import { writeState, type NamesState } from './state.ts';

export interface NamesServerOptions {
  /** Of its state, log and pid file. */
  readonly folder: string;
  readonly host: string;
  readonly port: number;
  /** Of what it tells of itself. */
  readonly metricsPort: number;
}

const program = fileURLToPath(new URL('bin.ts', import.meta.url));
const prefix = 'dns-';
/** A heap that small is enough, and is what a server that runs beside everything may take. */
const nodeOptions = [
  '--max-old-space-size=96',
  '--max-semi-space-size=1',
  '--disable-warning=ExperimentalWarning',
];

/**
 * The name server's process, started or adopted, and fed with the cluster's state. It outlives this process and
 * answers with its last state meanwhile. One of an older version is replaced without a gap: both serve for a moment.
 */
export class NamesServer {
  private readonly options: NamesServerOptions;
  private readonly render: () => NamesState;
  private readonly log: Logger;
  private readonly follower: Follower;
  private readonly stopping = new AbortController();
  private keeping: Promise<void> | undefined;
  private written = '';

  constructor(options: NamesServerOptions, render: () => NamesState, log: Logger) {
    this.options = options;
    this.render = render;
    this.log = log;
    this.follower = new Follower('names', () => this.write(), log);
  }

  /** Resolves when the server answers with what is known now. Throws UNAVAILABLE with the end of its log. */
  async start(): Promise<{ adopted: boolean }> {
    const { folder, host, port, metricsPort } = this.options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await this.write();
    const identity = `${prefix}${await versionOf([host, String(port), String(metricsPort)])}`;
    const daemon = new Daemon({
      name: identity,
      folder,
      command: process.execPath,
      args: [...nodeOptions, program, folder, host, String(port), identity, String(metricsPort)],
      ready: async () => (await identify(host, port)) === identity,
    });
    const { adopted } = await daemon.ensure();
    await stopNamesServers(folder, identity);
    this.keeping = daemon.keep(this.stopping.signal, (error) => {
      if (error) this.log.error({ reason: messageOf(error) }, 'cannot start the name server again');
      else this.log.warn('the name server was gone, it runs again');
    });
    return { adopted };
  }

  /** Something has changed: tell the server soon. */
  update(): void {
    this.follower.update();
  }

  /** Ends the feeding; the server goes on. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all([this.follower.stop(), this.keeping]);
  }

  private async write(): Promise<void> {
    const state = this.render();
    const text = JSON.stringify(state);
    if (text === this.written) return;
    await writeState(this.options.folder, state);
    this.written = text;
  }
}

/** Ends the name servers of a folder, but for the one that is named. */
export async function stopNamesServers(folder: string, except?: string): Promise<void> {
  const files = await readdir(folder).catch(() => []);
  const names = files
    .filter((file) => file.startsWith(prefix) && file.endsWith('.pid'))
    .map((file) => file.slice(0, -'.pid'.length))
    .filter((name) => name !== except);
  await Promise.all(
    names.map((name) => new Daemon({ name, folder, command: '', args: [], ready: async () => true }).stop()),
  );
}

/** Another program or another address is another server. */
async function versionOf(facts: readonly string[]): Promise<string> {
  const folders = [import.meta.dirname, dirname(fileURLToPath(import.meta.resolve('@skyarc/lib/dns')))];
  const hash = createHash('sha256').update([process.version, ...facts].join(' '));
  for (const folder of folders) {
    const files = (await readdir(folder)).filter(
      (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
    );
    for (const file of files.toSorted()) hash.update(await readFile(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 10);
}

/** What the server at an address calls itself (RFC 4892); rejects when it does not say. */
async function identify(host: string, port: number): Promise<string> {
  const socket = createSocket('udp4');
  const question = { type: 'TXT', class: 'CH', name: 'id.server' } as const;
  try {
    const reply = await new Promise<Buffer>((resolve, reject) => {
      setTimeout(() => reject(new Error('no answer')), 300).unref();
      socket.once('error', reject).once('message', resolve);
      socket.connect(port, host, () => socket.send(encode({ type: 'query', id: 1, questions: [question] })));
    });
    const [answer] = decode(reply).answers ?? [];
    return answer?.type === 'TXT' ? String(answer.data) : '';
  } finally {
    socket.close();
  }
}
