/** One line of a CRI log file: `<RFC 3339 nano> <stdout|stderr> <F|P> <content>`. */
export interface CriLogLine {
  /** As written, with nanoseconds. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** The runtime cut a long line here: the next entry of the stream goes on with it. */
  readonly isPartial: boolean;
  readonly content: string;
}

/** Null for a line that is not in the CRI log format. */
export function parseCriLogLine(line: string): CriLogLine | null {
  const timeEnd = line.indexOf(' ');
  const streamEnd = line.indexOf(' ', timeEnd + 1);
  const tagEnd = line.indexOf(' ', streamEnd + 1);
  const stream = line.slice(timeEnd + 1, streamEnd);
  if (timeEnd < 0 || streamEnd < 0 || (stream !== 'stdout' && stream !== 'stderr')) return null;
  const tag = tagEnd < 0 ? line.slice(streamEnd + 1) : line.slice(streamEnd + 1, tagEnd);
  return {
    time: line.slice(0, timeEnd),
    stream,
    isPartial: tag.split(':')[0] === 'P',
    content: tagEnd < 0 ? '' : line.slice(tagEnd + 1),
  };
}

/** Milliseconds since 1970 of a line's time. */
export function timeOfLine(line: CriLogLine): number {
  return Date.parse(line.time);
}
