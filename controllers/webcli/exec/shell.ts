import type { KubeConfig } from '@kubernetes/client-node';
import { AppError } from '@skyarc/lib/errors';
import { type ExecEnd, ExecStream, type ExecTarget } from './stream.ts';

type Place = Omit<ExecTarget, 'command'>;

/** A process that runs, or ran: its stream tells what it has shown and how it ended. */
export interface StartedProcess {
  readonly stream: ExecStream;
  /** What a person would say that runs. */
  readonly command: readonly string[];
  /** Its number in the container, where a shell could tell: the leader of its terminal's session. */
  readonly leader: Leader | null;
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
  if (viaShell) return { stream: viaShell.stream, leader: viaShell.leader, command };
  const stream = await ExecStream.open(config, { ...place, command });
  const { end } = await stream.firstSign(quietMs);
  if (isMissing(end)) throw missing;
  return { stream, command, leader: null };
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

/** Null when there is no shell; with its end when that came first, as of a script that could do nothing. */
async function startInShell(
  config: KubeConfig,
  place: Place,
  script: readonly string[],
): Promise<(StartedProcess & { readonly end: ExecEnd | undefined }) | null> {
  for (const shell of shells) {
    const stream = await ExecStream.open(config, { ...place, command: [...shell, '-c', ...script] });
    const { shown, end } = await stream.firstSign(firstSignMs);
    if (isMissing(end)) continue;
    const [whole = '', pid, name] = announcement.exec(shown.subarray(0, 64).toString('latin1')) ?? [];
    stream.skip(whole.length);
    return { stream, command: [name || 'sh'], leader: pid ? { shell, pid } : null, end };
  }
  return null;
}

/** The words of runc, containerd and crun for a program that is not there. */
function isMissing(end: ExecEnd | undefined): boolean {
  return /executable file( .*)? not found|no such file or directory|not a directory|permission denied/i.test(
    end?.message ?? '',
  );
}
