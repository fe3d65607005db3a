import type { KubeConfig } from '@kubernetes/client-node';
import { AppError } from '@skyarc/lib/errors';
import { type ExecEnd, ExecStream, type ExecTarget } from './stream.ts';

type Place = Omit<ExecTarget, 'command'>;

/** A process that runs, and what it has shown so far. */
export interface StartedProcess {
  readonly stream: ExecStream;
  /** What a person would say that runs. */
  readonly command: readonly string[];
  /** Its number in the container, where a shell could tell: the leader of its terminal's session. */
  readonly leader: Leader | null;
  readonly shown: readonly Buffer[];
  /** Set when it has ended already, as a short command does. */
  readonly end?: ExecEnd;
}

/** What it takes to hang up: the shell that can send signals, and to whom. */
export interface Leader {
  readonly shell: readonly string[];
  readonly pid: string;
}

/** Where shells are, in the order of how often they are there. */
const shells: readonly (readonly string[])[] = [
  ['/bin/sh'],
  ['sh'],
  ['bash'],
  ['/busybox/sh'],
  ['busybox', 'sh'],
  ['ash'],
];

/** Says its number and what it becomes in a sequence that is taken out of the output, then becomes it. */
const becomeShell =
  'TERM=xterm-256color; export TERM; S=sh; for s in bash ash; do if command -v $s >/dev/null 2>&1; then S=$s; break; fi; done; ' +
  String.raw`printf '\033]7171;%s;%s\007' "$$" "$S"; exec "$S"`;
const becomeCommand =
  'command -v "$1" >/dev/null 2>&1 || exit 127; TERM=xterm-256color; export TERM; ' +
  String.raw`printf '\033]7171;%s;\007' "$$"; exec "$@"`;
// oxlint-disable-next-line no-control-regex
const announcement = /^\u001b\]7171;(\d+);([a-z]*)\u0007/;

/** How long the first sign of life may take. */
const firstSignMs = 5_000;
/** Of a command that no shell could announce. */
const quietMs = 300;

/** Starts the command. Throws NOT_FOUND when the container has no such program, else what the API server says. */
export async function startCommand(
  config: KubeConfig,
  place: Place,
  command: readonly string[],
): Promise<StartedProcess> {
  const missing = new AppError(
    'NOT_FOUND',
    `Cannot run "${command[0]}": container "${place.container}" has no such program`,
  );
  const viaShell = await startInShell(config, place, [becomeCommand, 'sh', ...command]);
  if (viaShell?.end?.exitCode === 127) throw missing;
  if (viaShell) return { ...viaShell, command };
  const started = await start(config, { ...place, command }, quietMs);
  if (isMissing(started.end)) throw missing;
  return { ...started, command, leader: null };
}

/** Starts the best shell that there is. Throws NOT_FOUND with `details.reason` NO_SHELL when there is none. */
export async function startShell(config: KubeConfig, place: Place): Promise<StartedProcess> {
  const started = await startInShell(config, place, [becomeShell]);
  if (started) return started;
  throw new AppError(
    'NOT_FOUND',
    `Cannot open a shell: container "${place.container}" has none; open a debug container instead`,
    { details: { reason: 'NO_SHELL' } },
  );
}

/** Null when there is no shell. */
async function startInShell(
  config: KubeConfig,
  place: Place,
  script: readonly string[],
): Promise<StartedProcess | null> {
  for (const shell of shells) {
    const started = await start(config, { ...place, command: [...shell, '-c', ...script] }, firstSignMs);
    if (isMissing(started.end)) continue;
    const shown = Buffer.concat(started.shown);
    const [whole = '', pid, name] = announcement.exec(shown.subarray(0, 64).toString('latin1')) ?? [];
    const rest = shown.subarray(whole.length);
    return {
      ...started,
      command: [name || 'sh'],
      leader: pid ? { shell, pid } : null,
      shown: rest.length > 0 ? [rest] : [],
    };
  }
  return null;
}

/** Waits for the first output or the end, at most so long. */
async function start(
  config: KubeConfig,
  target: ExecTarget,
  waitMs: number,
): Promise<Pick<StartedProcess, 'stream' | 'shown' | 'end'>> {
  const stream = await ExecStream.open(config, target);
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
      done();
    };
    stream.onEnd = (how) => {
      end = how;
      done();
    };
    stream.resume();
  });
  return { stream, shown, ...(end && { end }) };
}

/** The words of runc, containerd and crun for a program that is not there. */
function isMissing(end: ExecEnd | undefined): boolean {
  return /executable file( .*)? not found|no such file or directory|not a directory|permission denied/i.test(
    end?.message ?? '',
  );
}
