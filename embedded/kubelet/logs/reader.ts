import { open, stat, type FileHandle } from 'node:fs/promises';
import { watch } from 'node:fs';
import { sleep } from '@skyarc/lib/retry';
import type { LogOptions } from '../../apiserver/node-proxy.ts';
import { parseCriLogLine, timeOfLine, type CriLogLine } from './cri-log.ts';
import { listLogFiles } from './files.ts';

const chunkBytes = 64 * 1024;
/** The longest time between a write and its reading when the file system tells nothing. */
const pollMs = 500;
const reopenMs = 100;

/**
 * A container run's log, cut by the options, as bytes to send. A follower goes through rotations and
 * ends soon after `isEnded` says that the container has ended.
 */
export async function* readLog(
  logPath: string,
  options: LogOptions,
  control: { isEnded: () => Promise<boolean>; signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  let leftBytes = options.limitBytes ?? Number.POSITIVE_INFINITY;
  const sinceMs = sinceOf(options);
  const lines =
    options.tailLines === undefined
      ? readLines(logPath, options.follow, control)
      : readTail(logPath, options.tailLines, options.follow, control);
  let wasPartial = false;
  for await (const batch of lines) {
    const parts: string[] = [];
    for (const line of batch) {
      if (sinceMs !== undefined && timeOfLine(line) < sinceMs) continue;
      const stamp = options.timestamps && !wasPartial ? `${line.time} ` : '';
      parts.push(stamp, line.content, line.isPartial ? '' : '\n');
      wasPartial = line.isPartial;
    }
    if (parts.length === 0) continue;
    const bytes = Buffer.from(parts.join(''));
    yield bytes.subarray(0, Math.min(bytes.length, leftBytes));
    leftBytes -= bytes.length;
    if (leftBytes <= 0) return;
  }
}

function sinceOf({ sinceSeconds, sinceTime }: LogOptions): number | undefined {
  if (sinceTime !== undefined) return Date.parse(sinceTime);
  return sinceSeconds === undefined ? undefined : Date.now() - sinceSeconds * 1_000;
}

type Control = { isEnded: () => Promise<boolean>; signal: AbortSignal };

/** The last lines, then what follows. Whole lines are counted: their partial pieces belong together. */
async function* readTail(
  logPath: string,
  count: number,
  follow: boolean,
  control: Control,
): AsyncGenerator<CriLogLine[]> {
  const files = await listLogFiles(logPath);
  let kept: CriLogLine[] = [];
  let whole = 0;
  // The current file and, only when it has too few lines, the rotated ones before it.
  for (const file of files.toReversed()) {
    const lines: CriLogLine[] = [];
    for await (const batch of readFileLines(file)) lines.push(...batch);
    kept = [...lines, ...kept];
    whole = kept.filter(({ isPartial }) => !isPartial).length;
    if (whole >= count) break;
  }
  for (let drop = whole - count; drop > 0 && kept.length > 0;) {
    if (kept.shift()?.isPartial === false) drop -= 1;
  }
  if (count > 0) yield kept;
  if (!follow) return;
  const last = kept.at(-1)?.time ?? '';
  for await (const batch of readLines(logPath, true, control)) {
    const fresh = batch.filter(({ time }) => time > last);
    if (fresh.length > 0) yield fresh;
  }
}

async function* readFileLines(file: string): AsyncGenerator<CriLogLine[]> {
  const handle = await open(file).catch(() => undefined);
  if (!handle) return;
  try {
    const reader = new LineReader(handle);
    for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) yield batch;
  } finally {
    await handle.close();
  }
}

interface OpenLog {
  readonly handle: FileHandle;
  readonly inode: number;
}

/** All lines from the oldest file on; goes from file to file as they are rotated. */
async function* readLines(logPath: string, follow: boolean, control: Control): AsyncGenerator<CriLogLine[]> {
  let current: OpenLog | undefined;
  try {
    for (;;) {
      const next = await openAfter(logPath, current?.inode);
      if (!next) {
        if (!follow || control.signal.aborted || (await control.isEnded())) return;
        await changeOf(logPath, control.signal);
        continue;
      }
      // Open until now: so long no new file can be given its inode.
      await current?.handle.close();
      current = next;
      if ((yield* readOpen(logPath, next, follow, control)) === 'end') return;
    }
  } finally {
    await current?.handle.close();
  }
}

/** Lines of one file; says whether it is the last one. */
async function* readOpen(
  logPath: string,
  { handle, inode }: OpenLog,
  follow: boolean,
  control: Control,
): AsyncGenerator<CriLogLine[], 'end' | 'next'> {
  const reader = new LineReader(handle);
  for (;;) {
    // Asked before reading: what is written before the end is read in any case.
    const isLast = !follow || (await control.isEnded());
    for (let batch = await reader.next(); batch; batch = await reader.next()) yield batch;
    if (control.signal.aborted) return 'end';
    const newest = await stat(logPath).catch(() => undefined);
    if (newest && newest.ino !== inode) {
      // Rotated. The runtime may still write to the old file for a moment after the new one is there.
      if (follow) await sleep(reopenMs);
      for (let batch = await reader.next(); batch; batch = await reader.next()) yield batch;
      return 'next';
    }
    if (isLast) return newest ? 'end' : 'next';
    await changeOf(logPath, control.signal);
  }
}

/** The file after the one with the inode; the oldest one when that is gone, or for undefined. */
async function openAfter(logPath: string, inode: number | undefined): Promise<OpenLog | undefined> {
  for (;;) {
    const files = await listLogFiles(logPath);
    const inodes = await Promise.all(
      files.map((file) =>
        stat(file).then(
          ({ ino }) => ino,
          () => null,
        ),
      ),
    );
    const place = inode === undefined ? 0 : inodes.indexOf(inode) + 1;
    const file = files[place];
    const handle = file === undefined ? undefined : await open(file).catch(() => undefined);
    const opened = handle && { handle, inode: (await handle.stat()).ino };
    // Whoever rotates between the two listings makes the first one wrong.
    if (
      String(await listLogFiles(logPath)) === String(files) &&
      opened?.inode === (inodes[place] ?? undefined)
    )
      return opened;
    await handle?.close();
  }
}

/** Resolves when the log's folder changes, after a while in any case. */
async function changeOf(logPath: string, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(finish, pollMs);
    signal.addEventListener('abort', finish, { once: true });
    let watcher: ReturnType<typeof watch> | undefined;
    try {
      watcher = watch(logPath, finish);
      watcher.once('error', finish);
    } catch {
      // The file may not exist yet; the timer looks again.
    }
    function finish(): void {
      clearTimeout(timer);
      watcher?.close();
      signal.removeEventListener('abort', finish);
      resolve();
    }
  });
}

/** Parsed lines of an open file, a chunk's worth at a time; undefined when there is nothing more yet. */
class LineReader {
  private readonly handle: FileHandle;
  private readonly buffer = Buffer.alloc(chunkBytes);
  private rest: Buffer = Buffer.alloc(0);

  constructor(handle: FileHandle) {
    this.handle = handle;
  }

  async next(): Promise<CriLogLine[] | undefined> {
    const { bytesRead } = await this.handle.read(this.buffer, 0, chunkBytes);
    if (bytesRead === 0) return undefined;
    const data = Buffer.concat([this.rest, this.buffer.subarray(0, bytesRead)]);
    const end = data.lastIndexOf(0x0a);
    this.rest = Buffer.from(data.subarray(end + 1));
    if (end < 0) return [];
    return data
      .toString('utf8', 0, end)
      .split('\n')
      .map(parseCriLogLine)
      .filter((line) => line !== null);
  }
}
