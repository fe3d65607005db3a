import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { NodeRecordEntry } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { replaceFile } from '@skyarc/lib/files';
import { serviceFlags } from '@skyarc/lib/process';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import { RotatingFile } from './rotating-file.ts';

/** What a child tells its supervisor over the IPC channel. */
export type ChildMessage =
  | { readonly type: 'alive' }
  | { readonly type: 'ready'; readonly facts: Readonly<Record<string, string>> }
  | { readonly type: 'failed'; readonly message: string };

export interface SupervisedProcess {
  /** Also the argument of `skyarc run`. */
  readonly name: string;
  readonly logFile: string;
}

export interface SupervisorOptions {
  /** Script that each process is a `run <name>` of. */
  readonly entry: string;
  /** Where it is noted what was started again, newest first, for the agent of this machine to tell. */
  readonly restartsFile: string;
  /** A process that gave no sign of life for so long hangs, and is ended. */
  readonly silentMs?: number;
}

interface Life {
  /** Why it ended. */
  readonly reason: string;
  /** Until its last sign of life. */
  readonly lastedMs: number;
}

/** How often a process gives a sign of life, from its beginning. */
export const aliveEveryMs = 5_000;
/** A process that lived this long did not end because of its start: it is started again at once. */
const longLifeMs = 15_000;
const mostNotes = 20;
/** Looks at a silence: counted, so that a machine that was asleep takes nobody for hung. */
const looks = 6;

interface Events {
  /** A process ended by itself and will be started again after the wait. */
  crashed: [name: string, reason: string, waitMs: number];
  ready: [name: string, facts: Readonly<Record<string, string>>];
}

/**
 * Runs Skyarc's Node processes: starts them, waits until each serves, starts again (with growing waits)
 * what ends by itself or hangs, and ends all on stop. A child notices the end of the supervisor by its IPC channel.
 */
export class Supervisor extends EventEmitter<Events> {
  private readonly entry: string;
  private readonly restartsFile: string;
  private readonly silentMs: number;
  private notes: readonly NodeRecordEntry[] = [];
  private readonly children = new Map<string, ChildProcess>();
  private readonly loops: Promise<void>[] = [];
  private readonly stopping = new AbortController();

  constructor({ entry, restartsFile, silentMs = 30_000 }: SupervisorOptions) {
    super();
    this.entry = entry;
    this.restartsFile = restartsFile;
    this.silentMs = silentMs;
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
      const { reason, lastedMs } = await this.runOnce(process, log, (facts) => {
        isFirst = false;
        first.resolve(facts);
        this.emit('ready', process.name, facts);
      });
      if (this.stopping.signal.aborted) break;
      if (isFirst)
        return first.reject(new AppError('UNAVAILABLE', `Cannot start ${process.name}: ${reason}`));
      failures = lastedMs > longLifeMs ? 1 : failures + 1;
      const waitMs = backoffMs(failures, 200, 30_000);
      await this.note(process.name, reason);
      this.emit('crashed', process.name, reason, waitMs);
      await sleep(waitMs, this.stopping.signal).catch(() => undefined);
    }
    first.reject(new AppError('CANCELED', `${process.name} was stopped before it served`));
    log.end();
  }

  /** A disk that is full does not keep a process from being started again. */
  private async note(subject: string, why: string): Promise<void> {
    const entry: NodeRecordEntry = { at: new Date().toISOString(), subject, what: 'RESTARTED', why };
    this.notes = [entry, ...this.notes].slice(0, mostNotes);
    await replaceFile(this.restartsFile, JSON.stringify(this.notes)).catch(() => undefined);
  }

  private runOnce(
    { name, logFile }: SupervisedProcess,
    log: RotatingFile,
    onReady: (facts: Readonly<Record<string, string>>) => void,
  ): Promise<Life> {
    const child = fork(this.entry, ['run', name], {
      execArgv: [...process.execArgv, ...serviceFlags],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.children.set(name, child);
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    const began = performance.now();
    let lastedMs = 0;
    let reason: string | undefined;
    // Nothing is counted before its first word.
    let silentLooks = -Infinity;
    child.on('message', (message: ChildMessage) => {
      [silentLooks, lastedMs] = [0, performance.now() - began];
      if (message.type === 'ready') onReady(message.facts);
      if (message.type === 'failed') reason = message.message;
    });
    const watchdog = setInterval(() => {
      silentLooks += 1;
      if (silentLooks <= looks) return;
      reason = `it gave no sign of life for ${this.silentMs / 1_000} s and was ended`;
      child.kill('SIGKILL');
    }, this.silentMs / looks);
    return new Promise((resolve) => {
      const end = (why: string): void => {
        clearInterval(watchdog);
        resolve({ reason: reason ?? why, lastedMs });
      };
      child.once('error', (error) => end(error.message));
      child.once('close', (code, signal) => {
        this.children.delete(name);
        end(`it ended ${signal ? `by ${signal}` : `with status ${code}`}; see ${logFile}`);
      });
    });
  }
}
