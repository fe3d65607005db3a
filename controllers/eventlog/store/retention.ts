import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogStore } from './log-store.ts';
import { Segment } from './segment.ts';

export interface RetentionLimits {
  readonly maxAgeMs: number;
  readonly streamBytes: number;
  readonly totalBytes: number;
  /** The disk keeps this much free. */
  readonly minFreeBytes: number;
}

interface StoredFile {
  readonly stream: string;
  readonly bytes: number;
  /** When its last line was written. */
  readonly writtenAt: number;
}

/** What a round of retention found and did. */
export interface RetentionResult {
  /** Bytes that remain. */
  readonly bytes: number;
  /** Bytes dropped before their time because the disk is full. */
  readonly shortenedBytes: number;
}

/** Below this a file holds no line worth dropping, only the stream's place. */
const emptyBytes = 1_024;

/**
 * Drops whole files that are too old or beyond a stream's size, then the oldest anywhere beyond the total or
 * as long as the disk is too full. A stream always keeps its sequence.
 */
export async function enforceRetention(
  store: LogStore,
  dataDir: string,
  limits: RetentionLimits,
): Promise<RetentionResult> {
  const oldestAllowed = Date.now() - limits.maxAgeMs;
  const remaining: StoredFile[] = [];
  let total = 0;
  for await (const files of storedStreams(dataDir)) {
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    let count = 0;
    for (const file of files) {
      if (file.writtenAt >= oldestAllowed && bytes <= limits.streamBytes) break;
      bytes -= file.bytes;
      count += 1;
    }
    if (count > 0) await drop(store, files[0] as StoredFile, count);
    total += bytes;
    remaining.push(...files.slice(count));
  }
  let missing = limits.minFreeBytes - (await freeBytesOf(dataDir));
  let shortenedBytes = 0;
  for (const file of remaining.toSorted((a, b) => a.writtenAt - b.writtenAt)) {
    if (total <= limits.totalBytes && missing <= 0) break;
    if (total <= limits.totalBytes) shortenedBytes += file.bytes;
    await drop(store, file, 1);
    total -= file.bytes;
    missing -= file.bytes;
  }
  return { bytes: total, shortenedBytes };
}

async function drop(store: LogStore, { stream: name }: StoredFile, count: number): Promise<void> {
  const stream = await store.stream(name);
  await stream.dropOldest(count);
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Each stream's files, oldest first. */
async function* storedStreams(dataDir: string): AsyncGenerator<StoredFile[]> {
  const root = join(dataDir, 'streams');
  for (const kind of await readdir(root)) {
    for (const id of await readdir(join(root, kind))) {
      const files: StoredFile[] = [];
      for (const first of await Segment.list(join(root, kind, id))) {
        const found = await stat(new Segment(join(root, kind, id), first).path).catch(() => null);
        if (found && found.size > emptyBytes)
          files.push({ stream: `${kind}/${id}`, bytes: found.size, writtenAt: found.mtimeMs });
      }
      if (files.length > 0) yield files;
    }
  }
}
