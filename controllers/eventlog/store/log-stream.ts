import { mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogger } from '@skyarc/lib/log';
import { syncFolder, writeAll } from './files.ts';
import { decodeFrame, lineStarts, seal, type StoredFrame, unseal } from './record.ts';

/** A stream's file: a header line, then the frames `first`, `first + 1`, ... one a line. */
interface Segment {
  readonly first: number;
  /** Bytes that count; a crash may have left more. */
  bytes: number;
}

interface Header {
  readonly first: number;
  readonly producers: Readonly<Record<string, number>>;
}

const maxProducers = 1_000;
const log = createLogger('eventlog');

/** One stream's files and what is known of its end. Writers must take turns. */
export class LogStream {
  readonly name: string;
  readonly folder: string;
  private segments: Segment[] = [];
  private readonly producers = new Map<string, number>();
  lastSequence = 0;
  usedAt = Date.now();

  private constructor(name: string, folder: string) {
    this.name = name;
    this.folder = folder;
  }

  /** The stream as its files say; repairs a torn end. */
  static async load(name: string, folder: string): Promise<LogStream> {
    const stream = new LogStream(name, folder);
    for (const first of await listSegments(folder)) {
      stream.segments.push({ first, bytes: (await stat(stream.path(first))).size });
    }
    while (stream.segments.length > 0 && !(await stream.readEnd())) {
      const broken = stream.segments.pop() as Segment;
      await rm(stream.path(broken.first));
    }
    return stream;
  }

  /** Highest stored position of a producer, 0 when it is not known. */
  producerSeq(producer: string): number {
    return this.producers.get(producer) ?? 0;
  }

  /** Appends payloads of the frames after the last one; a failed call may be repeated as it is. */
  async append(
    frames: readonly StoredFrame[],
    payloads: readonly string[],
    segmentBytes: number,
  ): Promise<void> {
    let segment = this.segments.at(-1);
    if (!segment || segment.bytes >= segmentBytes) segment = await this.begin();
    const data = Buffer.from(payloads.map(seal).join(''));
    {
      await using file = await open(this.path(segment.first), 'r+');
      await writeAll(file, data, segment.bytes);
    }
    segment.bytes += data.length;
    for (const frame of frames) this.note(frame);
    this.usedAt = Date.now();
  }

  /** Makes everything appended so far durable. */
  async sync(): Promise<void> {
    const segment = this.segments.at(-1);
    if (!segment) return;
    await using file = await open(this.path(segment.first), 'r');
    await file.datasync();
    await syncFolder(this.folder);
  }

  /** Closes the last file, so that all frames so far can be dropped while the sequence goes on. */
  async roll(): Promise<void> {
    if (this.segments.length > 0 && this.segments.at(-1)?.first !== this.lastSequence + 1) await this.begin();
  }

  /** Drops the oldest file, never the last; false when there is none to drop. */
  async dropOldest(): Promise<boolean> {
    if (this.segments.length < 2) return false;
    const [oldest, ...rest] = this.segments as [Segment, ...Segment[]];
    // A new array: readers walk the old one.
    this.segments = rest;
    await rm(this.path(oldest.first), { force: true });
    return true;
  }

  async remove(): Promise<void> {
    this.segments = [];
    this.producers.clear();
    this.lastSequence = 0;
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Files from the one that holds the sequence on, or down from it; a file dropped meanwhile is empty. */
  async *files(sequence: number, backward: boolean): AsyncGenerator<SegmentView> {
    this.usedAt = Date.now();
    const { segments } = this;
    const from = Math.max(
      0,
      segments.findLastIndex((segment) => segment.first <= sequence),
    );
    const step = backward ? -1 : 1;
    for (let index = from; index >= 0 && index < segments.length; index += step) {
      const { first, bytes } = segments[index] as Segment;
      const data = await readFile(this.path(first)).catch(() => Buffer.alloc(0));
      yield new SegmentView(first, data.subarray(0, bytes));
    }
  }

  private path(first: number): string {
    return join(this.folder, `${String(first).padStart(16, '0')}.log`);
  }

  private note(frame: StoredFrame): void {
    this.lastSequence = frame.sequence;
    if (!frame.producer) return;
    // Deleting first keeps the map in order of last use.
    this.producers.delete(frame.producer);
    this.producers.set(frame.producer, frame.producerSeq);
    if (this.producers.size > maxProducers)
      this.producers.delete(this.producers.keys().next().value as string);
  }

  private async begin(): Promise<Segment> {
    // The journal may be dropped before the next sync of this stream, which then sees only the new file.
    if (this.segments.length > 0) await this.sync();
    else await mkdir(this.folder, { recursive: true });
    const first = this.lastSequence + 1;
    const header: Header = { first, producers: Object.fromEntries(this.producers) };
    const text = seal(JSON.stringify(header));
    await writeFile(this.path(first), text, { mode: 0o600 });
    const segment = { first, bytes: Buffer.byteLength(text) };
    this.segments = [...this.segments, segment];
    return segment;
  }

  /** Reads the last file; false when not even its header is whole. */
  private async readEnd(): Promise<boolean> {
    const segment = this.segments.at(-1) as Segment;
    const data = await readFile(this.path(segment.first));
    const { starts, end } = lineStarts(data);
    let whole = 0;
    for (const [index, start] of starts.entries()) {
      const next = starts[index + 1] ?? end;
      const payload = unseal(data.toString('utf8', start, next - 1));
      if (payload === null) break;
      if (index > 0) this.note(decodeFrame(payload));
      else this.restore(JSON.parse(payload) as Header);
      whole = next;
    }
    if (whole < data.length) {
      log.warn({ stream: this.name, bytes: data.length - whole }, 'cut a torn end');
      await truncate(this.path(segment.first), whole);
    }
    segment.bytes = whole;
    return whole > 0;
  }

  private restore(header: Header): void {
    this.lastSequence = header.first - 1;
    this.producers.clear();
    for (const [producer, sequence] of Object.entries(header.producers))
      this.producers.set(producer, sequence);
  }
}

/** A file's frames without decoding those that nobody wants. */
export class SegmentView {
  readonly first: number;
  private readonly data: Buffer;
  private readonly starts: readonly number[];
  private readonly end: number;

  constructor(first: number, data: Buffer) {
    this.first = first;
    this.data = data;
    const { starts, end } = lineStarts(data);
    this.starts = starts.slice(1);
    this.end = end;
  }

  get last(): number {
    return this.first + this.starts.length - 1;
  }

  /** The raw payload of a frame, or null when it is damaged. */
  payload(sequence: number): string | null {
    const index = sequence - this.first;
    const next = this.starts[index + 1] ?? this.end;
    return unseal(this.data.toString('utf8', this.starts[index], next - 1));
  }
}

/** First sequences of a stream's files, ascending. */
export async function listSegments(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => (/^\d{16}\.log$/.test(name) ? [Number.parseInt(name, 10)] : []))
    .toSorted((a, b) => a - b);
}
