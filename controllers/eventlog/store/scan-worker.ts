/** Runs in a thread: says which blocks of a file hold some bytes (`scanner.ts`). */
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { Block } from '@skyarc/lib/log-block';
import { rarestPart } from './needle.ts';
import type { ScanAnswer, ScanTask } from './scanner.ts';

let data = Buffer.alloc(0);

function scan({ path, places, needle }: ScanTask): boolean[] {
  const from = places[0]?.offset ?? 0;
  const last = places.at(-1);
  const length = last ? last.offset + last.size - from : 0;
  if (data.length < length) data = Buffer.allocUnsafeSlow(length);
  const file = openSync(path, 'r');
  try {
    if (readSync(file, data, 0, length, from) < length) throw new Error('The file has become shorter');
  } finally {
    closeSync(file);
  }
  let part: Buffer | undefined;
  return places.map(({ offset, size }) => {
    const block = Block.tryParse(data.subarray(offset - from, offset - from + size));
    if (!block) return false;
    const { text } = block;
    part ??= rarestPart(Buffer.from(needle), text);
    return text.includes(part);
  });
}

parentPort?.on('message', (task: ScanTask) => {
  let answer: ScanAnswer;
  try {
    answer = { hits: scan(task) };
  } catch {
    // Whoever reads the blocks finds out what is wrong with them.
    answer = { hits: task.places.map(() => true) };
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(answer);
});
