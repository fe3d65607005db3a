import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { join } from 'node:path';
import { Block } from '@skyarc/lib/log-block';
import { syncFolder, writeParts } from './files.ts';

/** Lines of a stream, or the stream's removal when the block is null. */
export interface JournalEntry {
  readonly stream: string;
  readonly block: Block | null;
}

/** Little-endian: CRC-32 of the name, its length, length of the block. */
const entryHeadBytes = 12;

/** What is written is durable when the write ends (open(2)): one turn of the event loop less than a sync after it. */
const { O_WRONLY, O_CREAT, O_TRUNC, O_DSYNC } = constants;
const durably = O_WRONLY | O_CREAT | O_TRUNC | O_DSYNC;

/**
 * The write-ahead journal of all streams: one sync makes a whole group of batches durable, however many
 * streams they touch. Streams' own files are written and synced later, before their journal is dropped.
 */
export class Journal {
  private readonly folder: string;
  private number = 0;
  private file: FileHandle | undefined;
  bytes = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Entries that may not have reached the streams' files, oldest first; a torn end is left out. */
  async *recover(): AsyncGenerator<JournalEntry> {
    await mkdir(this.folder, { recursive: true });
    for (const number of await this.numbers()) {
      this.number = number;
      yield* entriesOf(await readFile(this.path(number)));
    }
  }

  /** Durable when it ends. On an error nothing of it stays behind. */
  async append(entries: readonly JournalEntry[]): Promise<void> {
    const file = this.file ?? (await this.begin());
    const parts = entries.flatMap(({ stream, block }) => {
      const name = Buffer.from(stream);
      const head = Buffer.alloc(entryHeadBytes);
      head.writeUInt32LE(crc32(name), 0);
      head.writeUInt32LE(name.length, 4);
      head.writeUInt32LE(block?.size ?? 0, 8);
      return block ? [head, name, block.data] : [head, name];
    });
    try {
      this.bytes += await writeParts(file, parts, this.bytes);
    } catch (error) {
      await file.truncate(this.bytes);
      throw error;
    }
  }

  /** Begins the next file; the answer drops the earlier ones, once their streams are synced. */
  async rotate(): Promise<() => Promise<void>> {
    const last = this.number;
    await this.close();
    await this.begin();
    return async () => {
      for (const number of await this.numbers()) {
        if (number <= last) await rm(this.path(number), { force: true });
      }
    };
  }

  async close(): Promise<void> {
    await this.file?.close();
    this.file = undefined;
  }

  private async begin(): Promise<FileHandle> {
    this.number += 1;
    this.bytes = 0;
    this.file = await open(this.path(this.number), durably, 0o600);
    await syncFolder(this.folder);
    return this.file;
  }

  private async numbers(): Promise<number[]> {
    const names = await readdir(this.folder);
    return names
      .flatMap((name) => (/^\d+\.wal$/.test(name) ? [Number.parseInt(name, 10)] : []))
      .toSorted((a, b) => a - b);
  }

  private path(number: number): string {
    return join(this.folder, `${number}.wal`);
  }
}

function* entriesOf(data: Buffer): Generator<JournalEntry> {
  for (let at = 0; at + entryHeadBytes <= data.length;) {
    const nameEnd = at + entryHeadBytes + data.readUInt32LE(at + 4);
    const end = nameEnd + data.readUInt32LE(at + 8);
    const name = data.subarray(at + entryHeadBytes, nameEnd);
    if (end > data.length || name.length === 0 || crc32(name) !== data.readUInt32LE(at)) return;
    const block = end > nameEnd ? Block.tryParse(data.subarray(nameEnd, end)) : null;
    if (end > nameEnd && !block) return;
    yield { stream: name.toString(), block };
    at = end;
  }
}
