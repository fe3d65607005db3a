import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlockBuilder, decodeFrames } from '@skyarc/lib/log-block';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LogStore } from './log-store.ts';
import type { ReadQuery } from './read.ts';

const everything = { contains: '', pattern: '', source: '', fromMs: 0, untilMs: 0 };
const lines = Array.from(
  { length: 12_000 },
  (_, number) =>
    `line=${number} ${number % 997 === 0 ? 'rare word' : 'common'} ${'x'.repeat(200)} ms=${number % 89}`,
);
let folder: string;
let store: LogStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-eventlog-read-'));
  store = await LogStore.open({
    dataDir: folder,
    // Blocks of 80 KB: files hold more of them than are read without asking threads.
    segmentBytes: 150_000,
    journalBytes: 1 << 20,
    maxPendingBytes: 16 << 20,
    compressionLevel: 1,
    onStored: () => undefined,
    onPending: () => undefined,
    makeRoom: async () => false,
  });
  const origin = { producer: 'p', source: 'pod/app', level: 'info', channel: 'stdout' };
  for (let at = 0; at < lines.length; at += 400) {
    const builder = new BlockBuilder();
    for (let number = at; number < at + 400; number += 1)
      builder.add({ origin, timeMs: 1_000 + number, producerSeq: number + 1 }, lines[number] as string);
    await store.append([{ stream: 'app/x', block: builder.build() }]);
  }
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function readAll(query: Partial<ReadQuery>): Promise<{ found: string[]; calls: number }> {
  const { backward = false } = query;
  const found: string[] = [];
  let calls = 0;
  for (let more = true, cursor = 0; more; calls += 1) {
    const page = await store.read('app/x', { ...everything, limit: 1_000, ...query, backward, cursor });
    const texts = page.frames.map(({ line }) => line);
    if (backward) found.unshift(...texts);
    else found.push(...texts);
    ({ more, cursor } = page);
  }
  return { found, calls };
}

test.each([
  ['a rare word', { contains: 'rare word' }, (line: string) => line.includes('rare word')],
  ['a word of one line', { contains: 'line=11999 ' }, (line: string) => line.startsWith('line=11999 ')],
  ['a word that all have', { contains: 'x ms=', limit: 777 }, () => true],
  ['a word that none has', { contains: 'nowhere' }, () => false],
  ['a pattern with a text', { pattern: 'line=1[0-9]+ rare' }, (line: string) => /line=1\d+ rare/.test(line)],
  ['a pattern without one', { pattern: 'ms=(7|8)$' }, (line: string) => /ms=[78]$/.test(line)],
  ['no letter case', { pattern: '(?i)RARE' }, (line: string) => line.includes('rare')],
])('%s is found in files and memory, both ways', async (_name, query, isWanted) => {
  const expected = lines.filter(isWanted);
  expect((await readAll(query)).found).toEqual(expected);
  expect((await readAll({ ...query, backward: true })).found).toEqual(expected);
});

test('a word in a time is looked for there alone', async () => {
  const { found } = await readAll({ contains: 'rare', fromMs: 4_000, untilMs: 9_000 });
  expect(found).toEqual(
    lines.filter((line, number) => line.includes('rare') && number >= 3_000 && number < 8_000),
  );
});

test('a page that is full looks no further', async () => {
  const page = await store.read('app/x', { ...everything, cursor: 0, backward: true, limit: 400 });
  expect(page).toMatchObject({ more: true, cursor: lines.length - 399 });
  const first = await store.read('app/x', { ...everything, cursor: 401, backward: true, limit: 400 });
  expect(first).toMatchObject({ more: false, cursor: 1 });
});

test.each([
  { backward: true, limit: 1_000 },
  { backward: false, limit: 333 },
  { backward: true, limit: 10_000 },
  { backward: true, limit: 700, contains: 'rare word' },
  { backward: false, limit: 1_000, fromMs: 4_000, untilMs: 9_000 },
])('blocks hold the same pages as text: %j', async (query) => {
  const pages = [];
  for (let more = true, cursor = 0; more;) {
    const asked = { ...everything, ...query, cursor };
    const page = await store.read('app/x', asked);
    const { blocks, first, last, ...rest } = await store.readBlocks('app/x', asked);
    expect({ ...rest, frames: decodeFrames(blocks, { first, last }) }).toEqual(page);
    ({ more, cursor } = page);
    pages.push(page);
  }
  expect(pages.length).toBeGreaterThan(0);
});
