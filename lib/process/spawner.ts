import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { AppError, type ErrorCode } from '@skyarc/lib/errors';
import type { RunOptions, RunResult } from './run.ts';

/** What the spawner's process is asked. */
export type SpawnerRequest =
  | {
      readonly id: number;
      readonly command: string;
      readonly args: readonly string[];
      readonly options: Omit<RunOptions, 'signal' | 'onLine'>;
      readonly wantsLines: boolean;
    }
  | { readonly cancel: number };

/** What it answers; the last two end the request. */
export type SpawnerAnswer = { readonly id: number } & (
  | { readonly line: string; readonly stream: 'stdout' | 'stderr' }
  | { readonly result: RunResult }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } }
);

interface Waiting {
  readonly onLine: RunOptions['onLine'];
  readonly end: (outcome: RunResult | AppError) => void;
}

/**
 * A small process that starts programs for this one: to start one, a process is copied with its tables of memory,
 * which stops one of some hundred megabytes for tens of milliseconds (fork(2)). It ends with the process that made it.
 */
class Spawner {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, Waiting>();
  private count = 0;

  constructor(onGone: () => void) {
    this.child = fork(join(import.meta.dirname, 'spawner-process.ts'), {
      env: { PATH: process.env['PATH'] ?? '' },
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.child.unref();
    this.child.channel?.unref();
    this.child.on('message', (answer) => this.take(answer as SpawnerAnswer));
    const end = () => {
      onGone();
      const gone = new AppError('UNAVAILABLE', 'Cannot run programs: the process that starts them has ended');
      for (const { end: endOne } of this.waiting.values()) endOne(gone);
    };
    this.child.once('error', end).once('exit', end);
  }

  /** As `run`. */
  readonly run = (command: string, args: readonly string[], options: RunOptions): Promise<RunResult> => {
    const { signal, onLine, env = { PATH: process.env['PATH'] ?? '' }, ...rest } = options;
    const id = (this.count += 1);
    return new Promise((resolve, reject) => {
      const cancel = () => {
        this.send({ cancel: id });
        end(new AppError('CANCELED', `${command} was canceled`, { cause: signal?.reason }));
      };
      const end = (outcome: RunResult | AppError) => {
        signal?.removeEventListener('abort', cancel);
        this.waiting.delete(id);
        if (this.waiting.size === 0) this.child.channel?.unref();
        if (outcome instanceof AppError) reject(outcome);
        else resolve(outcome);
      };
      this.waiting.set(id, { onLine, end });
      this.child.channel?.ref();
      this.send({ id, command, args, options: { ...rest, env }, wantsLines: onLine !== undefined });
      if (signal?.aborted) cancel();
      else signal?.addEventListener('abort', cancel, { once: true });
    });
  };

  async stop(): Promise<void> {
    if (!this.child.connected) return;
    const gone = once(this.child, 'exit');
    this.child.ref();
    this.child.disconnect();
    await gone;
  }

  private send(request: SpawnerRequest): void {
    // An error means that it has ended, which is told to all who wait.
    this.child.send(request, () => undefined);
  }

  private take(answer: SpawnerAnswer): void {
    const waiting = this.waiting.get(answer.id);
    if ('line' in answer) waiting?.onLine?.(answer.line, answer.stream);
    else if ('result' in answer) waiting?.end(answer.result);
    else waiting?.end(new AppError(answer.error.code, answer.error.message));
  }
}

let users = 0;
let spawner: Spawner | undefined;

/** Set while somebody of this process wishes for one; made anew when it was killed. */
export function currentSpawner(): Spawner | undefined {
  if (users > 0) spawner ??= new Spawner(() => (spawner = undefined));
  return spawner;
}

/**
 * Until it is stopped, by all who called it, `run` starts programs from a small process instead of this one, which
 * then goes on meanwhile. Worth it where programs are started often and somebody waits.
 */
export function useSpawner(): { stop(): Promise<void> } {
  users += 1;
  currentSpawner();
  let isUsed = true;
  return {
    stop: async () => {
      if (!isUsed) return;
      isUsed = false;
      users -= 1;
      if (users > 0) return;
      const ended = spawner;
      spawner = undefined;
      await ended?.stop();
    },
  };
}
