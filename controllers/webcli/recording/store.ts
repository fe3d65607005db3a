import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { entityId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';

const partBytes = 512 << 10;

/** A part of a recording; `next` is where to read on, null at the end. */
export interface RecordingPart {
  readonly text: string;
  readonly next: number | null;
}

/** Recordings of this instance: `<session>.cast` in one folder. */
export class RecordingStore {
  private readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(dataDir: string): Promise<RecordingStore> {
    const folder = join(dataDir, 'recordings');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new RecordingStore(folder);
  }

  /** Throws INVALID for a text that is no session's id. */
  fileOf(session: string): string {
    if (!entityId.safeParse(session).success)
      throw new AppError('INVALID', 'This is not the id of a session');
    return join(this.folder, `${session}.cast`);
  }

  /** Whole lines from a byte on. Throws NOT_FOUND when there is no such recording. */
  async read(session: string, from: number): Promise<RecordingPart> {
    const file = await open(this.fileOf(session)).catch(() => {
      throw new AppError('NOT_FOUND', 'The recording of this session is gone');
    });
    try {
      const { size } = await file.stat();
      for (let wanted = partBytes; ; wanted *= 2) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, from);
        const isLast = from + bytesRead >= size;
        const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
        if (end > 0 || isLast)
          return {
            text: buffer.toString('utf8', 0, end),
            next: isLast || end === 0 ? null : from + end,
          };
      }
    } finally {
      await file.close();
    }
  }

  async remove(session: string): Promise<void> {
    await rm(this.fileOf(session), { force: true });
  }

  /** Removes those older than so many days; answers their sessions. */
  async removeOld(days: number): Promise<string[]> {
    const oldest = Date.now() - days * 86_400_000;
    const removed: string[] = [];
    for (const name of await readdir(this.folder)) {
      const stats = await stat(join(this.folder, name)).catch(() => null);
      if (!name.endsWith('.cast') || !stats || stats.mtimeMs >= oldest) continue;
      await rm(join(this.folder, name), { force: true });
      removed.push(name.slice(0, -'.cast'.length));
    }
    return removed;
  }
}
