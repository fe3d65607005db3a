import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder, writeAll } from './files.ts';
import { lineStarts, seal, unseal } from './record.ts';

/** A frame of a stream, or the stream's removal when the payload is null. */
export interface JournalEntry {
  readonly stream: string;
  readonly payload: string | null;
}

/**
 * The write-ahead journal of all streams: one sync makes a whole group of batches durable, however many
 * streams they touch. Streams' own files are synced later, before their journal is dropped.
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
      const data = await readFile(this.path(number));
      const { starts, end } = lineStarts(data);
      for (const [index, start] of starts.entries()) {
        const payload = unseal(data.toString('utf8', start, (starts[index + 1] ?? end) - 1));
        if (payload === null) break;
        const space = payload.indexOf(' ');
        const body = payload.slice(space + 1);
        yield { stream: payload.slice(0, space), payload: body === '-' ? null : body };
      }
    }
  }

  /** Writes and syncs. On an error nothing of it stays behind. */
  async append(entries: readonly JournalEntry[]): Promise<void> {
    const file = this.file ?? (await this.begin());
    const data = Buffer.from(
      entries.map(({ stream, payload }) => seal(`${stream} ${payload ?? '-'}`)).join(''),
    );
    try {
      await writeAll(file, data, this.bytes);
      await file.datasync();
      this.bytes += data.length;
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
    this.file = await open(this.path(this.number), 'w', 0o600);
    await syncFolder(this.folder);
    return this.file;
  }

  private async numbers(): Promise<number[]> {
    const names = await readdir(this.folder);
    return names
      .flatMap((name) => (/^\d+\.log$/.test(name) ? [Number.parseInt(name, 10)] : []))
      .toSorted((a, b) => a - b);
  }

  private path(number: number): string {
    return join(this.folder, `${number}.log`);
  }
}
