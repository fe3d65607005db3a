import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { findLivePid, identityOf, startTimeOf } from './identity.ts';
import { backoffMs, pollUntil, sleep } from '@skyarc/lib/retry';

export interface DaemonOptions {
  /** Names the pid and log files: `<folder>/<name>.pid`, `<folder>/<name>.log`. */
  readonly name: string;
  readonly folder: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** True once the daemon serves; asked every 50 ms. */
  readonly ready: () => Promise<boolean>;
  readonly readyTimeoutMs?: number;
  /** One that runs with other arguments, of an earlier version or setting, is ended and started anew. */
  readonly followsArgs?: boolean;
}

/**
 * A program that outlives the process that started it, as engines must: a second `ensure`,
 * also from another process after kill -9, adopts the one that runs instead of starting it twice.
 * Identity is the pid with its start time from /proc, so a reused pid is never taken for it.
 */
export class Daemon {
  private readonly options: DaemonOptions;

  constructor(options: DaemonOptions) {
    this.options = options;
  }

  private get pidFile(): string {
    return join(this.options.folder, `${this.options.name}.pid`);
  }

  get logFile(): string {
    return join(this.options.folder, `${this.options.name}.log`);
  }

  /** The pid of the running daemon, or null. */
  async findPid(): Promise<number | null> {
    return findLivePid(this.pidFile);
  }

  /** Running and ready, started by us or adopted. Throws UNAVAILABLE with the end of its log. */
  async ensure(signal?: AbortSignal): Promise<{ pid: number; adopted: boolean }> {
    let running = await this.findPid();
    if (running !== null && this.options.followsArgs && !(await this.hasOurArgs(running))) {
      await this.stop();
      running = null;
    }
    const pid = running ?? (await this.spawn());
    await pollUntil(
      async () => {
        if ((await startTimeOf(pid)) === null) throw await this.failure('it ended at once');
        return (await this.options.ready().catch(() => false)) ? true : undefined;
      },
      {
        timeoutMs: this.options.readyTimeoutMs ?? 20_000,
        everyMs: 50,
        signal,
        onTimeout: () =>
          new AppError('UNAVAILABLE', `${this.options.name} does not answer; see ${this.logFile}`),
      },
    );
    return { pid, adopted: running !== null };
  }

  /**
   * Starts the daemon again whenever it is found gone, until the signal fires. Looks every second; a start
   * that fails is tried again after a growing wait.
   */
  async keep(signal: AbortSignal, onRestart: (error?: unknown) => void = () => undefined): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      await sleep(failures === 0 ? 1000 : backoffMs(failures, 1000, 30_000), signal).catch(() => undefined);
      if (signal.aborted || (await this.findPid()) !== null) continue;
      try {
        await this.ensure(signal);
        failures = 0;
        onRestart();
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        onRestart(error);
      }
    }
  }

  /** SIGTERM, then SIGKILL after the grace time. No effect when it does not run. */
  async stop(graceMs = 10_000): Promise<void> {
    const pid = await this.findPid();
    if (pid !== null) {
      await this.signal('SIGTERM');
      const deadline = Date.now() + graceMs;
      while ((await this.findPid()) !== null) {
        if (Date.now() > deadline) await this.signal('SIGKILL');
        await sleep(25);
      }
    }
    await rm(this.pidFile, { force: true });
  }

  /** Sends a signal to the running daemon; false when there is none. */
  async signal(name: NodeJS.Signals): Promise<boolean> {
    const pid = await this.findPid();
    if (pid === null) return false;
    try {
      process.kill(pid, name);
      return true;
    } catch {
      return false;
    }
  }

  /** Of one that ends just now, too: it is not to be ended again. */
  private async hasOurArgs(pid: number): Promise<boolean> {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line === '') return true;
    const args = line.split('\0').slice(1, -1);
    return args.join('\0') === this.options.args.join('\0');
  }

  private async spawn(): Promise<number> {
    const { command, args, cwd, env } = this.options;
    await mkdir(dirname(this.pidFile), { recursive: true });
    const log = await open(this.logFile, 'a', 0o600);
    try {
      const child = spawn(command, args, {
        cwd,
        env: { PATH: process.env['PATH'] ?? '', ...env },
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      });
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve).once('error', reject);
      }).catch((cause: Error) => {
        throw new AppError('UNAVAILABLE', `Cannot start ${this.options.name}: ${cause.message}`, { cause });
      });
      child.unref();
      const pid = child.pid as number;
      await writeFile(this.pidFile, `${await identityOf(pid)}\n`, { mode: 0o600 });
      return pid;
    } finally {
      await log.close();
    }
  }

  private async failure(why: string): Promise<AppError> {
    const log = await readFile(this.logFile, 'utf8').catch(() => '');
    const tail = log.trimEnd().split('\n').slice(-5).join('\n');
    return new AppError('UNAVAILABLE', `Cannot start ${this.options.name}: ${why}\n${tail}`);
  }
}
