import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@skyarc/lib/errors';
import type { NewFrame } from '@skyarc/lib/eventlog-client';
import { createLogger } from '@skyarc/lib/log';
import { type ContainerLine, frameOf, placeAfter } from '../lines.ts';
import type { PodInfo } from '../pods.ts';
import type { Position, Positions } from '../positions.ts';
import { type CriLine, CriParser } from './cri-lines.ts';

/** `<restart count>.log` while it is written, `<restart count>.log.<time>` after its rotation. */
interface LogFile {
  readonly path: string;
  readonly inode: number;
  /** Milliseconds since 1970. */
  readonly bornMs: number;
  readonly restartCount: number;
}

interface Current {
  readonly handle: FileHandle;
  readonly inode: number;
  readonly restartCount: number;
  readonly parser: CriParser;
  offset: number;
  place: number;
  /** When its end was first seen while a newer file was there. */
  quietSince: number;
}

export interface TailOptions {
  readonly pod: PodInfo;
  readonly container: string;
  readonly folder: string;
  readonly positions: Positions;
  readonly signal: AbortSignal;
  /** Resolves once the frames are durable; tries until then. */
  readonly ship: (frames: readonly NewFrame[]) => Promise<void>;
}

const log = createLogger('node');
const chunkBytes = 256 * 1024;
/** The runtime goes on writing to a rotated file until it is told to reopen. */
const rotationGraceMs = 500;

/**
 * Reads the log files of one container in order. The next chunk is read after the one before is stored, and
 * the file stays open, so that neither rotation nor removal loses a line that is in it.
 */
export class ContainerTail {
  private readonly options: TailOptions;
  private current: Current | undefined;
  private reading: Promise<void> | undefined;
  private again = false;
  private finishing = false;

  constructor(options: TailOptions) {
    this.options = options;
  }

  /** Something may be new. */
  wake(): void {
    this.again = true;
    this.reading ??= this.readAll()
      .catch((error: unknown) => this.startOver(error))
      .finally(() => {
        this.reading = undefined;
      });
  }

  /** Reads what is there once more, then closes. */
  async finish(): Promise<void> {
    this.finishing = true;
    this.wake();
    await this.reading;
    await this.current?.handle.close();
    this.current = undefined;
  }

  /** From the saved position with the next wake: what was parsed since is not stored. */
  private async startOver(error: unknown): Promise<void> {
    if (!this.options.signal.aborted)
      log.warn({ folder: this.options.folder, reason: messageOf(error) }, 'cannot read');
    await this.current?.handle.close();
    this.current = undefined;
  }

  private get name(): string {
    return `${this.options.pod.uid}/${this.options.container}`;
  }

  private async readAll(): Promise<void> {
    while (this.again && !this.options.signal.aborted) {
      this.again = false;
      this.current ??= await this.openFirst();
      while (this.current && !this.options.signal.aborted) {
        if (await this.readChunk(this.current)) continue;
        if (!(await this.moveOn(this.current))) break;
      }
    }
  }

  /** False at the end of the file. */
  private async readChunk(current: Current): Promise<boolean> {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    const { bytesRead } = await current.handle.read(buffer, 0, chunkBytes, current.offset);
    if (bytesRead === 0) {
      const { size } = await current.handle.stat();
      if (size < current.offset) current.offset = 0;
      return false;
    }
    const chunk = buffer.subarray(0, bytesRead);
    const { lines, used } = current.parser.parse(chunk, current.offset);
    if (used > 0) {
      await this.ship(current, lines);
      current.offset += used;
    } else if (bytesRead === chunkBytes) {
      // No line end in a whole chunk: not a CRI file, still not to be lost.
      const line: ContainerLine = { timeUs: 0, channel: '', text: chunk.toString() };
      await this.ship(current, [{ line, resumeAt: current.offset + bytesRead }]);
      current.offset += bytesRead;
    }
    current.quietSince = 0;
    return used > 0 || bytesRead === chunkBytes;
  }

  private async ship(current: Current, lines: readonly CriLine[]): Promise<void> {
    const { pod, container, positions } = this.options;
    const frames: NewFrame[] = [];
    let saved: Position | undefined;
    for (const { line, resumeAt } of lines) {
      current.place = placeAfter(current.place, line);
      frames.push(frameOf(pod, container, line, current.place));
      if (resumeAt !== null) saved = { inode: current.inode, offset: resumeAt, place: current.place };
    }
    if (frames.length === 0) return;
    await this.options.ship(frames);
    if (saved) positions.set(this.name, saved);
  }

  /** True when the reading goes on in another file. */
  private async moveOn(current: Current): Promise<boolean> {
    const files = await this.files();
    const index = files.findIndex((file) => file.inode === current.inode);
    const next = files.slice(index + 1).find((file) => file.restartCount >= current.restartCount);
    if (!next) return false;
    if (next.restartCount === current.restartCount && !this.finishing) {
      current.quietSince ||= Date.now();
      if (Date.now() - current.quietSince < rotationGraceMs) {
        setTimeout(() => this.wake(), rotationGraceMs);
        return false;
      }
    }
    await current.handle.close();
    const isSameRun = next.restartCount === current.restartCount;
    this.current = await this.openFile(next, 0, current.place, isSameRun ? current.parser : undefined);
    return this.current !== undefined;
  }

  private async openFirst(): Promise<Current | undefined> {
    const files = await this.files();
    const position = this.options.positions.get(this.name);
    // A file that was born after the last line was written has the inode of one that is gone.
    const known = files.find(
      ({ inode, bornMs }) => inode === position?.inode && bornMs * 1_000 <= position.place,
    );
    if (known) return this.openFile(known, position?.offset ?? 0, position?.place ?? 0);
    return files[0] && this.openFile(files[0], 0, 0);
  }

  private async openFile(
    file: LogFile,
    offset: number,
    place: number,
    parser = new CriParser(),
  ): Promise<Current | undefined> {
    const handle = await open(file.path, 'r').catch(() => null);
    if (!handle) return undefined;
    const { restartCount } = file;
    // It may have been rotated since it was listed; what is open counts.
    const { ino } = await handle.stat();
    return {
      handle,
      inode: ino,
      restartCount,
      parser,
      offset: ino === file.inode ? offset : 0,
      place,
      quietSince: 0,
    };
  }

  /** Oldest first; compressed ones are left out. */
  private async files(): Promise<LogFile[]> {
    const names = await readdir(this.options.folder).catch(() => []);
    const matches = names.flatMap((name) => {
      const match = /^(\d+)\.log(?:\.(\d{8}-\d{6}(?:\.\d+)?))?$/.exec(name);
      return match ? [{ name, restartCount: Number(match[1]), rotated: match[2] ?? '~' }] : [];
    });
    const files: LogFile[] = [];
    for (const { name, restartCount } of matches.toSorted(
      (a, b) => a.restartCount - b.restartCount || (a.rotated < b.rotated ? -1 : 1),
    )) {
      const path = join(this.options.folder, name);
      const found = await stat(path).catch(() => null);
      if (found) files.push({ path, inode: found.ino, bornMs: found.birthtimeMs, restartCount });
    }
    return files;
  }
}
