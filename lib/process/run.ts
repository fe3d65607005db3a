import { launch } from './launch.ts';
import { currentSpawner } from './spawner.ts';

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child; only PATH is passed on when absent. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Each line of standard output and error as it comes, without its line end. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Bytes of each stream that are kept in the result, the newest ones; default 1 MiB. */
  readonly keepBytes?: number;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program with an argument array (never a shell) and waits for its end.
 * Throws UNAVAILABLE when it cannot start, TIMEOUT, CANCELED; a non-zero exit is returned, not thrown.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return (currentSpawner()?.run ?? launch)(command, args, options);
}
