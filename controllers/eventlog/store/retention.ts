import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { listSegments } from './log-stream.ts';
import type { LogStore } from './log-store.ts';

export interface RetentionLimits {
  readonly maxAgeMs: number;
  readonly streamBytes: number;
  readonly totalBytes: number;
}

interface StoredSegment {
  readonly bytes: number;
  /** When its last line was written. */
  readonly writtenAt: number;
}

interface StoredStream {
  readonly name: string;
  readonly segments: readonly StoredSegment[];
}

/**
 * Drops whole files that are too old or beyond a stream's size, then the oldest anywhere beyond the total.
 * A stream always keeps its sequence. Answers the bytes that remain.
 */
export async function enforceRetention(
  store: LogStore,
  dataDir: string,
  limits: RetentionLimits,
): Promise<number> {
  const streams = await scan(dataDir);
  const oldestAllowed = Date.now() - limits.maxAgeMs;
  const remaining: { name: string; segment: StoredSegment }[] = [];
  let total = 0;
  for (const { name, segments } of streams) {
    let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    let count = 0;
    for (const segment of segments) {
      if (segment.writtenAt >= oldestAllowed && bytes <= limits.streamBytes) break;
      bytes -= segment.bytes;
      count += 1;
    }
    if (count > 0) await drop(store, name, count, segments.length);
    total += bytes;
    for (const segment of segments.slice(count)) remaining.push({ name, segment });
  }
  for (const { name, segment } of remaining.toSorted((a, b) => a.segment.writtenAt - b.segment.writtenAt)) {
    if (total <= limits.totalBytes) break;
    await drop(store, name, 1, 1);
    total -= segment.bytes;
  }
  return total;
}

/** Below this a file holds no frame worth dropping, only the stream's place. */
const emptyBytes = 512;

function drop(store: LogStore, name: string, count: number, of: number): Promise<void> {
  return store.exclusively(async () => {
    const stream = await store.stream(name);
    if (count === of) await stream.roll();
    for (let dropped = 0; dropped < count; dropped += 1) await stream.dropOldest();
  });
}

async function scan(dataDir: string): Promise<StoredStream[]> {
  const root = join(dataDir, 'streams');
  const streams: StoredStream[] = [];
  for (const kind of await readdir(root)) {
    for (const id of await readdir(join(root, kind))) {
      const folder = join(root, kind, id);
      const segments: StoredSegment[] = [];
      for (const first of await listSegments(folder)) {
        const found = await stat(join(folder, `${String(first).padStart(16, '0')}.log`)).catch(() => null);
        if (found && found.size > emptyBytes) segments.push({ bytes: found.size, writtenAt: found.mtimeMs });
      }
      streams.push({ name: `${kind}/${id}`, segments });
    }
  }
  return streams;
}
