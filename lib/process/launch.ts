import { spawn } from 'node:child_process';
import { AppError } from '@skyarc/lib/errors';
import type { RunOptions, RunResult } from './run.ts';

/** `run` as a child of this very process. */
export async function launch(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const timeout = options.timeoutMs ? AbortSignal.timeout(options.timeoutMs) : undefined;
  const signals = [options.signal, timeout].filter((signal) => signal !== undefined);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? { PATH: process.env['PATH'] ?? '' },
    stdio: ['pipe', 'pipe', 'pipe'],
    signal: signals.length > 0 ? AbortSignal.any(signals) : undefined,
    killSignal: 'SIGKILL',
  });
  const stdout = collect(child.stdout, 'stdout', options);
  const stderr = collect(child.stderr, 'stderr', options);
  child.stdin.on('error', () => undefined).end(options.input);
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      if (timeout?.aborted) {
        reject(
          new AppError('TIMEOUT', `${command} did not end within ${options.timeoutMs} ms`, { cause: error }),
        );
      } else if (options.signal?.aborted) {
        reject(new AppError('CANCELED', `${command} was canceled`, { cause: error }));
      } else {
        reject(new AppError('UNAVAILABLE', `Cannot run ${command}: ${error.message}`, { cause: error }));
      }
    });
    child.once('close', (code, killedBy) => {
      resolve({ code: code ?? (killedBy ? 128 : 1), stdout: stdout(), stderr: stderr() });
    });
  });
}

function collect(
  source: NodeJS.ReadableStream,
  name: 'stdout' | 'stderr',
  options: RunOptions,
): () => string {
  const keep = options.keepBytes ?? 1 << 20;
  let kept = '';
  let partial = '';
  source.setEncoding('utf8');
  source.on('data', (chunk: string) => {
    kept = (kept + chunk).slice(-keep);
    if (!options.onLine) return;
    const lines = (partial + chunk).split('\n');
    partial = (lines.pop() ?? '').slice(-65_536);
    for (const line of lines) options.onLine(line.replace(/\r$/, ''), name);
  });
  source.on('end', () => {
    if (partial) options.onLine?.(partial, name);
  });
  return () => kept;
}
