import { crc32 } from 'node:zlib';

/** A frame as it is stored. */
export interface StoredFrame {
  readonly sequence: number;
  readonly timeMs: number;
  readonly line: string;
  readonly source: string;
  readonly level: string;
  readonly channel: string;
  readonly producer: string;
  readonly producerSeq: number;
}

export const newline = 0x0a;

/** One frame as compact JSON, without its stream. */
export function encodeFrame(frame: StoredFrame): string {
  const { sequence, timeMs, line, source, level, channel, producer, producerSeq } = frame;
  return JSON.stringify([sequence, timeMs, line, source, level, channel, producer, producerSeq]);
}

/** Throws a SyntaxError for what `encodeFrame` did not make. */
export function decodeFrame(payload: string): StoredFrame {
  const values = JSON.parse(payload) as [number, number, string, string, string, string, string, number];
  const [sequence, timeMs, line, source, level, channel, producer, producerSeq] = values;
  return { sequence, timeMs, line, source, level, channel, producer, producerSeq };
}

/** A line of a file: CRC-32 of the payload in hexadecimal, a space, the payload, a newline. */
export function seal(payload: string): string {
  return `${crc32(payload).toString(16).padStart(8, '0')} ${payload}\n`;
}

/** The payload of a line (without its newline), or null when it is torn or changed. */
export function unseal(line: string): string | null {
  const payload = line.slice(9);
  return line.length > 9 && Number.parseInt(line.slice(0, 8), 16) === crc32(payload) ? payload : null;
}

/** Start offset of each whole line, and the offset after the last one. */
export function lineStarts(data: Buffer): { starts: number[]; end: number } {
  const starts: number[] = [];
  let end = 0;
  for (let next = data.indexOf(newline); next !== -1; next = data.indexOf(newline, end)) {
    starts.push(end);
    end = next + 1;
  }
  return { starts, end };
}
