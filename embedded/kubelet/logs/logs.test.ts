import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '@skyarc/lib/retry';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseCriLogLine } from './cri-log.ts';
import { readLog } from './reader.ts';

let folder: string;
let logPath: string;
const plain = { follow: false, previous: false, timestamps: false };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'logs-'));
  logPath = join(folder, '0.log');
});
afterEach(() => rm(folder, { recursive: true }));

const line = (n: number, text: string, tag = 'F') =>
  `2026-01-01T00:00:${String(n).padStart(2, '0')}.000000001Z stdout ${tag} ${text}\n`;

async function read(options: Partial<Parameters<typeof readLog>[1]> = {}): Promise<string> {
  const parts: Uint8Array[] = [];
  const control = { isEnded: async () => true, signal: new AbortController().signal };
  for await (const bytes of readLog(logPath, { ...plain, ...options }, control)) parts.push(bytes);
  return Buffer.concat(parts).toString('utf8');
}

test('parses the CRI log format', () => {
  expect(parseCriLogLine('2026-01-01T00:00:00.1Z stderr P half a line ')).toEqual({
    time: '2026-01-01T00:00:00.1Z',
    stream: 'stderr',
    isPartial: true,
    content: 'half a line ',
  });
  expect(parseCriLogLine('2026-01-01T00:00:00.1Z stdout F ')).toMatchObject({
    content: '',
    isPartial: false,
  });
  expect(parseCriLogLine('not a log line')).toBeNull();
  expect(parseCriLogLine('')).toBeNull();
});

test('reads through rotated files, joins partial lines, and cuts by the options', async () => {
  await writeFile(`${logPath}.20260101-000000.000`, line(1, 'one') + line(2, 'tw', 'P') + line(2, 'o'));
  await writeFile(logPath, line(3, 'three') + line(4, '') + line(5, 'fünf'));
  expect(await read()).toBe('one\ntwo\nthree\n\nfünf\n');
  expect(await read({ tailLines: 2 })).toBe('\nfünf\n');
  expect(await read({ tailLines: 4 })).toBe('two\nthree\n\nfünf\n');
  expect(await read({ tailLines: 0 })).toBe('');
  expect(await read({ tailLines: 99, sinceTime: '2026-01-01T00:00:03Z' })).toBe('three\n\nfünf\n');
  expect(await read({ limitBytes: 5 })).toBe('one\nt');
  expect(await read({ tailLines: 1, timestamps: true })).toBe('2026-01-01T00:00:05.000000001Z fünf\n');
});

test.each([undefined, 1])(
  'a follower sees every line once through rotations (tail %s)',
  async (tailLines) => {
    await writeFile(logPath, line(1, '1'));
    let isEnded = false;
    const control = { isEnded: async () => isEnded, signal: new AbortController().signal };
    const seen = (async () => {
      let text = '';
      const options = { ...plain, follow: true, tailLines };
      for await (const bytes of readLog(logPath, options, control))
        text += Buffer.from(bytes).toString('utf8');
      return text;
    })();
    await sleep(100);
    for (let n = 2; n <= 9; n += 1) {
      await appendFile(logPath, line(n, String(n)));
      if (n % 3 === 0) {
        await rename(logPath, `${logPath}.2026-${n}`);
        await appendFile(`${logPath}.2026-${n}`, line(n, `${n} late`));
        await writeFile(logPath, '');
      }
    }
    isEnded = true;
    expect((await seen).trim().split('\n')).toEqual([
      '1',
      '2',
      '3',
      '3 late',
      '4',
      '5',
      '6',
      '6 late',
      '7',
      '8',
      '9',
      '9 late',
    ]);
  },
);

test('a follower reads a file that was given the inode of a removed one', async () => {
  await writeFile(logPath, line(1, '1'));
  const leaving = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    const control = { isEnded: async () => false, signal: leaving.signal };
    for await (const bytes of readLog(logPath, { ...plain, follow: true }, control))
      seen.push(...Buffer.from(bytes).toString('utf8').trim().split('\n'));
  })();
  const sees = (n: number) => expect.poll(() => seen.at(-1), { timeout: 5_000 }).toBe(String(n));
  for (let n = 2; n <= 6; n += 1) {
    await sees(n - 1);
    await rename(logPath, `${logPath}.2026-${n}`);
    await writeFile(logPath, line(n, String(n)));
    await rm(`${logPath}.2026-${n - 1}`, { force: true });
  }
  await sees(6);
  leaving.abort();
  await reading;
  expect(seen).toEqual(['1', '2', '3', '4', '5', '6']);
});
