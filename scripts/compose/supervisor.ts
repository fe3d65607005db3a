import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { AppError } from '@skyarc/lib/errors';
import { serviceFlags } from '@skyarc/lib/process';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import { RotatingFile } from './rotating-file.ts';

/** What a child tells its supervisor over the IPC channel. */
export type ChildMessage =
  | { readonly type: 'ready'; readonly facts: Readonly<Record<string, string>> }
  | { readonly type: 'failed'; readonly message: string };

export interface SupervisedProcess {
  /** Also the argument of `skyarc run`. */
  readonly name: string;
  readonly logFile: string;
}

/** A process that lived this long did not end because of its start: it is started again at once. */
const longLifeMs = 15_000;

interface Events {
  /** A process ended by itself and will be started again after the wait. */
  crashed: [name: string, reason: string, waitMs: number];
  ready: [name: string, facts: Readonly<Record<string, string>>];
}

/**
 * Runs Skyarc's Node processes: starts them, waits until each serves, starts again (with growing waits)
 * what ends by itself, and ends all on stop. A child notices the end of the supervisor by its IPC channel.
 */
export class Supervisor extends EventEmitter<Events> {
  private readonly entry: string;
  private readonly children = new Map<string, ChildProcess>();
  private readonly loops: Promise<void>[] = [];
  private readonly stopping = new AbortController();

  constructor(entry: string) {
    super();
    this.entry = entry;
  }

  /** Starts a process and answers its facts once it serves; throws when its first start fails. */
  async start(process: SupervisedProcess): Promise<Readonly<Record<string, string>>> {
    const first = Promise.withResolvers<Readonly<Record<string, string>>>();
    this.loops.push(this.keepRunning(process, first));
    return first.promise;
  }

  /** SIGTERM to all, SIGKILL after the grace time. */
  async stop(graceMs = 15_000): Promise<void> {
    this.stopping.abort();
    for (const child of this.children.values()) child.kill('SIGTERM');
    const killer = setTimeout(() => {
      for (const child of this.children.values()) child.kill('SIGKILL');
    }, graceMs);
    await Promise.all(this.loops);
    clearTimeout(killer);
  }

  private async keepRunning(
    process: SupervisedProcess,
    first: PromiseWithResolvers<Readonly<Record<string, string>>>,
  ): Promise<void> {
    const log = new RotatingFile(process.logFile);
    let isFirst = true;
    for (let failures = 0; !this.stopping.signal.aborted;) {
      const began = Date.now();
      const reason = await this.runOnce(process, log, (facts) => {
        isFirst = false;
        first.resolve(facts);
        this.emit('ready', process.name, facts);
      });
      if (this.stopping.signal.aborted) break;
      if (isFirst)
        return first.reject(new AppError('UNAVAILABLE', `Cannot start ${process.name}: ${reason}`));
      failures = Date.now() - began > longLifeMs ? 1 : failures + 1;
      const waitMs = backoffMs(failures, 200, 30_000);
      this.emit('crashed', process.name, reason, waitMs);
      await sleep(waitMs, this.stopping.signal).catch(() => undefined);
    }
    first.reject(new AppError('CANCELED', `${process.name} was stopped before it served`));
    log.end();
  }

  /** One life of the process; answers why it ended. */
  private runOnce(
    { name, logFile }: SupervisedProcess,
    log: RotatingFile,
    onReady: (facts: Readonly<Record<string, string>>) => void,
  ): Promise<string> {
    const child = fork(this.entry, ['run', name], {
      execArgv: [...process.execArgv, ...serviceFlags],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.children.set(name, child);
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    let reason = `it ended; see ${logFile}`;
    child.on('message', (message: ChildMessage) => {
      if (message.type === 'ready') onReady(message.facts);
      else reason = message.message;
    });
    return new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => {
        this.children.delete(name);
        const how = signal ? `by ${signal}` : `with status ${code}`;
        resolve(reason.startsWith('it ended') ? `it ended ${how}; see ${logFile}` : reason);
      });
    });
  }
}
