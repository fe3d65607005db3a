import type { KubeConfig } from '@kubernetes/client-node';
import { AppError } from '@skyarc/lib/errors';
import { type ExecEnd, ExecStream, type ExecTarget } from './stream.ts';

type Place = Omit<ExecTarget, 'command'>;

/** A process that runs, and what it has shown so far. */
export interface StartedProcess {
  readonly stream: ExecStream;
  readonly command: readonly string[];
  readonly shown: readonly Buffer[];
  /** Set when it has ended already, as a short command does. */
  readonly end?: ExecEnd;
}

const best =
  'TERM=xterm-256color; export TERM; for s in bash ash; do command -v $s >/dev/null 2>&1 && exec $s; done; exec sh';

/** Shells in the order of how often they are there and how good they are. */
const shells: readonly (readonly string[])[] = [
  ['/bin/sh', '-c', best],
  ['sh', '-c', best],
  ['bash'],
  ['/busybox/sh'],
  ['busybox', 'sh'],
  ['ash'],
];

/** How long a shell may take to fail; one that says nothing for so long runs. */
const quietMs = 2_000;

/** Starts the command. Throws NOT_FOUND when the container has no such program, else what the API server says. */
export async function startCommand(
  config: KubeConfig,
  place: Place,
  command: readonly string[],
): Promise<StartedProcess> {
  const started = await start(config, place, command, 300);
  if (started.end?.message && isMissing(started.end.message)) {
    throw new AppError(
      'NOT_FOUND',
      `Cannot run "${command[0]}": container "${place.container}" has no such program`,
    );
  }
  return started;
}

/** Starts the best shell that there is. Throws NOT_FOUND with `details.reason` NO_SHELL when there is none. */
export async function startShell(config: KubeConfig, place: Place): Promise<StartedProcess> {
  for (const command of shells) {
    const started = await start(config, place, command, quietMs);
    if (!started.end?.message || !isMissing(started.end.message)) return started;
  }
  throw new AppError(
    'NOT_FOUND',
    `Cannot open a shell: container "${place.container}" has none; open a debug container instead`,
    { details: { reason: 'NO_SHELL' } },
  );
}

/** Waits for the first output or the end, at most so long. */
async function start(
  config: KubeConfig,
  place: Place,
  command: readonly string[],
  waitMs: number,
): Promise<StartedProcess> {
  const stream = await ExecStream.open(config, { ...place, command });
  const shown: Buffer[] = [];
  let end: ExecEnd | undefined;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, waitMs);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    stream.onOutput = (bytes) => {
      shown.push(bytes);
      stream.pause();
      done();
    };
    stream.onEnd = (how) => {
      end = how;
      done();
    };
  });
  return { stream, command, shown, ...(end && { end }) };
}

/** The words of runc, containerd and crun for a program that is not there. */
function isMissing(message: string): boolean {
  return /executable file( .*)? not found|no such file or directory|stat .*: not a directory|permission denied/i.test(
    message,
  );
}
