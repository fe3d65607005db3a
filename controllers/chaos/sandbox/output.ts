import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

const longestLine = 16_384;
/** A program that prints faster than this is made to wait, so that it cannot starve this process. */
const bytesPerWindow = 512 * 1024;
const windowMs = 100;

/** Hands over each line of a stream, cut at 16 KiB; resolves at its end. */
export function readLines(source: Readable, onLine: (line: string) => void): Promise<void> {
  const decoder = new StringDecoder('utf8');
  let partial = '';
  let windowBytes = 0;
  const timer = setInterval(() => {
    windowBytes = 0;
    source.resume();
  }, windowMs);
  source.on('data', (chunk: Buffer) => {
    windowBytes += chunk.length;
    if (windowBytes > bytesPerWindow) source.pause();
    const lines = (partial + decoder.write(chunk)).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) onLine(cut(line));
    if (partial.length > longestLine) {
      onLine(cut(partial));
      partial = '';
    }
  });
  return new Promise((resolve) => {
    source.once('close', () => {
      clearInterval(timer);
      if (partial) onLine(cut(partial));
      resolve();
    });
  });
}

/** Progress bars overwrite their line: only what remains visible counts. */
function cut(line: string): string {
  const visible = line.replace(/\r$/, '').split('\r').at(-1) ?? '';
  return visible.length > longestLine ? `${visible.slice(0, longestLine)} ...` : visible;
}
