import { open, readFile, writeFile } from 'node:fs/promises';
import type { ContainerStatus } from './cri/types.ts';
import { parseCriLogLine } from './logs/cri-log.ts';
import { containerAnnotations } from './render/container.ts';

const maxFileBytes = 4_096;
/** Of a log that stands for a message, as the kubelet cuts it. */
const maxLogBytes = 2_048;
const maxLogLines = 80;
/** Read of a log to find them: each line carries its time, and not all are long. */
const readLogBytes = 64 * 1024;

/**
 * What a container that has ended left to say: its terminationMessagePath, the end of its log when it failed
 * and its policy is FallbackToLogsOnError, the limit it went over when it was killed for that, else the
 * runtime's message.
 */
export async function readTerminationMessage(status: ContainerStatus): Promise<string> {
  const { annotations, exitCode, logPath } = status;
  const file = annotations[containerAnnotations.terminationMessageFile];
  const text = file ? await readFile(file, 'utf8').catch(() => '') : '';
  if (text !== '') return text.slice(0, maxFileBytes);
  const mayReadLog =
    annotations[containerAnnotations.terminationMessagePolicy] === 'FallbackToLogsOnError' && exitCode !== 0;
  const logged = mayReadLog ? await readLogEnd(logPath) : '';
  if (logged !== '') return logged;
  if (status.reason !== 'OOMKilled') return status.message;
  const resized = file && (await readFile(limitFileOf(file), 'utf8').catch(() => undefined));
  const limit = resized ?? annotations[containerAnnotations.memoryLimit];
  return limit
    ? `out of memory: it used more than its limit of ${limit}`
    : 'out of memory: the node had no more, and the container has no limit';
}

/** Keeps the memory limit that a running container was given, which its annotations cannot be told. */
export async function noteMemoryLimit(
  { annotations }: Pick<ContainerStatus, 'annotations'>,
  limit = '',
): Promise<void> {
  const file = annotations[containerAnnotations.terminationMessageFile];
  if (file) await writeFile(limitFileOf(file), limit);
}

const limitFileOf = (messageFile: string): string => `${messageFile}.memory-limit`;

async function readLogEnd(logPath: string): Promise<string> {
  const lines = (await readEnd(logPath)).trimEnd().split('\n').slice(-maxLogLines);
  const parsed = lines.map(parseCriLogLine).filter((line) => line !== null);
  const whole = parsed.map(({ content, isPartial }) => `${content}${isPartial ? '' : '\n'}`).join('');
  return Buffer.from(whole).subarray(-maxLogBytes).toString('utf8');
}

async function readEnd(file: string): Promise<string> {
  const handle = await open(file).catch(() => undefined);
  if (!handle) return '';
  try {
    const { size } = await handle.stat();
    const length = Math.min(size, readLogBytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
