import type { MessageInitShape } from '@bufbuild/protobuf';
import type { FrameSchema } from '@skyarc/lib/contracts/generated/skyarc/eventlog/v1/eventlog_pb.js';
import type { StoredFrame } from '@skyarc/lib/log-block';

/** A stored line. */
export interface LogFrame {
  readonly stream: string;
  /** 1, 2, 3, ... within the stream. */
  readonly sequence: number;
  /** When its producer wrote it; milliseconds since 1970 UTC. */
  readonly timeMs: number;
  readonly line: string;
  readonly source: string;
  /** debug, info, warn or error. */
  readonly level: string;
  /** `stdout`, `stderr` or empty. */
  readonly channel: string;
}

/** A line to store. */
export interface NewFrame extends Omit<LogFrame, 'sequence'> {
  /** With it, frames of this producer whose producerSeq is not above the last stored one are skipped. */
  readonly producer: string;
  readonly producerSeq: number;
}

const maxLineBytes = 64 * 1024;

export function logFrameOf(
  stream: string,
  { sequence, timeMs, line, source, level, channel }: StoredFrame,
): LogFrame {
  return { stream, sequence, timeMs, line, source, level, channel };
}

export function toWire(frame: NewFrame): MessageInitShape<typeof FrameSchema> {
  const { timeMs, producerSeq, line, ...rest } = frame;
  return { ...rest, line: cut(line), timeUnixMs: BigInt(timeMs), producerSeq: BigInt(producerSeq) };
}

/** The line within 64 KiB of UTF-8, never in the middle of a character. */
function cut(line: string): string {
  if (line.length * 3 <= maxLineBytes || Buffer.byteLength(line) <= maxLineBytes) return line;
  const bytes = Buffer.from(line).subarray(0, maxLineBytes);
  return bytes.toString().replace(/\uFFFD$/, '');
}
