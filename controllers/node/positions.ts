import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '@skyarc/lib/errors';
import { replaceFile } from '@skyarc/lib/files';
import { createLogger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';

/** How far something has been collected. */
export interface Position {
  /** Of a file: which one (inode) and from where it must be read again. */
  readonly inode?: number;
  readonly offset?: number;
  /** Place of the last line before that; see `placeAfter`. */
  readonly place: number;
  /** Runs of the container that are collected completely. */
  readonly runs?: number;
}

const saveEveryMs = 1_000;
const log = createLogger('node');

/** Positions by name, kept in one JSON file. A lost second is only read again: the event log knows the lines. */
export class Positions {
  private readonly file: string;
  private readonly positions: Map<string, Position>;
  private dirty = false;

  private constructor(file: string, positions: Map<string, Position>) {
    this.file = file;
    this.positions = positions;
  }

  static async open(file: string): Promise<Positions> {
    await mkdir(dirname(file), { recursive: true });
    const text = await readFile(file, 'utf8').catch(() => '{}');
    try {
      return new Positions(file, new Map(Object.entries(JSON.parse(text) as Record<string, Position>)));
    } catch (error) {
      log.warn({ file, reason: messageOf(error) }, 'positions are unreadable; reading everything again');
      return new Positions(file, new Map());
    }
  }

  get(name: string): Position | undefined {
    return this.positions.get(name);
  }

  names(): string[] {
    return [...this.positions.keys()];
  }

  set(name: string, position: Position): void {
    this.positions.set(name, position);
    this.dirty = true;
  }

  delete(name: string): void {
    this.dirty = this.positions.delete(name) || this.dirty;
  }

  /** Saves every second until the signal fires, then once more. */
  async keep(signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(saveEveryMs, signal).catch(() => undefined);
      await this.save().catch((error: unknown) =>
        log.warn({ reason: messageOf(error) }, 'cannot save positions'),
      );
      if (signal.aborted) return;
    }
  }

  async save(): Promise<void> {
    if (!this.dirty) return;
    this.dirty = false;
    await replaceFile(this.file, JSON.stringify(Object.fromEntries(this.positions)));
  }
}
