import { type ChildProcess, fork, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pollUntil } from '@skyarc/lib/retry';
import type { ChildMessage } from '../../scripts/compose/supervisor.ts';

const root = resolve(import.meta.dirname, '../..');
const entry = resolve(root, 'scripts/skyarc.ts');
/** Base image and runtimes stay here from run to run, as on a machine that has built before. */
const layersFolder = '/var/tmp/skyarc-test/layers';

export interface InstallationOptions {
  /** At most 10 characters a-z and 0-9; also in the name of its data folder. */
  readonly instance: string;
  readonly portOffset: number;
  /** Second octet of its pod addresses; services get the next one. */
  readonly network: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A whole Skyarc beside whatever else runs on the machine, driven as a person does: by its command. */
export class Installation {
  readonly env: Readonly<Record<string, string>>;
  readonly consoleUrl: string;
  readonly gatewayUrl: string;
  /** What it has printed. */
  output = '';
  private child: ChildProcess | undefined;

  constructor(options: InstallationOptions) {
    this.env = {
      ...(process.env as Record<string, string>),
      SKYARC_INSTANCE: options.instance,
      SKYARC_HOME: `/var/lib/${options.instance}`,
      SKYARC_PORT_OFFSET: String(options.portOffset),
      SKYARC_POD_CIDR: `10.${options.network}.0.0/16`,
      SKYARC_LAYERS_FOLDER: layersFolder,
      SKYARC_SERVICE_CIDR: `10.${options.network + 1}.0.0/16`,
      ...options.env,
    };
    this.consoleUrl = `http://localhost:${7070 + options.portOffset}`;
    this.gatewayUrl = `http://127.0.0.1:${8080 + options.portOffset}`;
  }

  get home(): string {
    return this.env['SKYARC_HOME'] as string;
  }

  /** Starts it and waits until it says that it is ready. */
  async start(timeoutMs = 180_000): Promise<void> {
    this.output = '';
    const child = spawn(process.execPath, [entry, 'up'], { cwd: root, env: this.env });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    await pollUntil(
      async () => {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`Skyarc ended at its start:\n${this.output}`);
        return this.output.includes('Skyarc is ready') ? true : undefined;
      },
      { timeoutMs, everyMs: 50, onTimeout: () => new Error(`Skyarc is not ready:\n${this.output}`) },
    );
  }

  /** The one-time token of the claim link, or null once claimed. */
  claimToken(): string | null {
    return /claim\/?\?token=([A-Za-z0-9_-]+)/.exec(this.output)?.[1] ?? null;
  }

  /** Starts one more of a service beside the data centre's own, and waits until it serves. */
  async startBeside(service: string, index = 1): Promise<ChildProcess> {
    const env = { ...this.env, SKYARC_INDEX: String(index) };
    const child = fork(entry, ['run', service], { cwd: root, env, silent: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const said = await new Promise<string>((settle) => {
      child.on('message', ({ type }: ChildMessage) => type !== 'alive' && settle(type));
      child.once('close', () => settle('closed'));
    });
    if (said !== 'ready') throw new Error(`Another ${service} did not start:\n${output}`);
    return child;
  }

  /** Ctrl-C: the control plane stops, apps go on. */
  async interrupt(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGINT');
    await new Promise((done) => child.once('close', done));
  }

  /** Pids of its Node processes, the oldest first; of one of them when named as in `skyarc run <name>`. */
  async nodePids(name?: string): Promise<number[]> {
    return this.pidsWhere(
      (argv, environment) =>
        argv.includes(entry) &&
        environment.includes(`SKYARC_HOME=${this.home}`) &&
        (name === undefined || argv[argv.indexOf('run') + 1] === name),
    );
  }

  /** Pids of an engine that keeps its state in this installation's folder, or in a part of it. */
  async enginePids(program: string, part = ''): Promise<number[]> {
    return this.pidsWhere(
      (argv) =>
        (argv[0] ?? '').endsWith(program) &&
        argv.some((argument) => argument.includes(`${this.home}/${part}`)),
    );
  }

  /** kill -9 of the processes at once; answers how many there were. */
  async kill(pids: readonly number[]): Promise<number> {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended between the listing and now.
      }
    }
    return pids.length;
  }

  private async pidsWhere(
    matches: (argv: readonly string[], environment: readonly string[]) => boolean,
  ): Promise<number[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const marks = await Promise.all(
      pids.map(async (pid) => {
        const [argv = [], environment = []] = await Promise.all(
          ['cmdline', 'environ'].map(async (file) =>
            (await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')).split('\0'),
          ),
        );
        return matches(argv, environment) ? Number(pid) : 0;
      }),
    );
    return marks.filter((pid) => pid > 0).toSorted((a, b) => a - b);
  }

  /** Stops everything and removes every trace from the machine. */
  async purge(): Promise<void> {
    await this.interrupt();
    await this.command('down', '--purge');
  }

  /** Runs `skyarc <args>` to its end and answers what it printed; throws when it fails. */
  async command(...args: string[]): Promise<string> {
    const child = spawn(process.execPath, [entry, ...args], { cwd: root, env: this.env });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const code = await new Promise((done) => child.once('close', done));
    if (code !== 0) throw new Error(`skyarc ${args.join(' ')} failed:\n${output}`);
    return output;
  }
}
