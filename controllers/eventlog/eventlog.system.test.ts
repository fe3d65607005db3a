import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEventLogClient, type EventLogClient } from '@skyarc/lib/eventlog-client';
import type { LogStreamGrant } from '@skyarc/lib/contracts';
import { GrantSigner, makeGrantKeys } from '@skyarc/lib/signed-grant';
import { afterEach, expect, test } from 'vitest';
import { type EventlogConfig, start } from './main.ts';

const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'skyarc-eventlog-'));
  cleanups.push(() => rm(made, { recursive: true, force: true }));
  return made;
}

async function serve(options: Partial<EventlogConfig> = {}) {
  const dataDir = options.dataDir ?? (await folder());
  const service = await start({ port: 0, ingestPort: 0, statusPort: 0, ...options, dataDir });
  cleanups.push(() => service.stop());
  const client = connectTo(service.url);
  return { service, client, dataDir };
}

function connectTo(url: string): EventLogClient {
  const client = createEventLogClient(url);
  cleanups.push(() => client.close());
  return client;
}

const frame = (stream: string, line: string, producer = '', producerSeq = 0) => ({
  stream,
  line,
  source: 'pod/app',
  level: 'info',
  channel: 'stdout',
  timeMs: 1,
  producer,
  producerSeq,
});

/** Text that hardly gets smaller by compression. */
const noise = (): string => randomBytes(45).toString('base64');

test('lines are stored once, read both ways, filtered, and survive a restart', async () => {
  const { service, client, dataDir } = await serve({ segmentBytes: 2_000 });
  const frames = Array.from({ length: 100 }, (_, index) =>
    frame('app/a', `line ${index + 1}`, 'p', index + 1),
  );
  expect(await client.append(frames)).toBe(100);
  expect(await client.append(frames.slice(50))).toBe(0);
  await client.append([{ ...frame('app/a', 'said "hi"\n€'), source: 'other/app' }]);
  await service.stop();
  const again = (await serve({ dataDir, segmentBytes: 2_000 })).client;
  expect(await again.append(frames.slice(90))).toBe(0);
  const forward = await again.read({ stream: 'app/a', cursor: 10, limit: 5 });
  expect(forward).toMatchObject({ more: true });
  expect(forward.frames.map((each) => each.line)).toEqual([11, 12, 13, 14, 15].map((n) => `line ${n}`));
  const last = await again.read({ stream: 'app/a', backward: true, limit: 2 });
  expect(last.frames.map((each) => each.sequence)).toEqual([100, 101]);
  const before = await again.read({ stream: 'app/a', backward: true, cursor: 3 });
  expect(before).toMatchObject({ more: false });
  expect(before.frames.map((each) => each.sequence)).toEqual([1, 2]);
  expect((await again.read({ stream: 'app/a', contains: '"hi"\n€' })).frames).toHaveLength(1);
  expect((await again.read({ stream: 'app/a', source: 'other' })).frames).toHaveLength(1);
  await expect(again.read({ stream: '../etc' })).rejects.toMatchObject({ code: 'INVALID' });
  await again.remove(['app/a']);
  expect((await again.read({ stream: 'app/a' })).frames).toEqual([]);
});

test('a follower gets stored lines, then live ones, and goes on after a restart of the event log', async () => {
  const { service, client, dataDir } = await serve();
  const port = Number(new URL(service.url).port);
  await client.append([frame('app/a', 'one'), frame('app/a', 'two')]);
  const stopping = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    for await (const { frames } of client.follow({ stream: 'app/a', tail: 1, signal: stopping.signal })) {
      seen.push(...frames.map((each) => each.line));
    }
  })();
  await expect.poll(() => seen).toEqual(['two']);
  const writer = client.writer({ stream: 'app/a', source: 's', producer: 'p' });
  await writer.write('three\nfour\n');
  await expect.poll(() => seen).toEqual(['two', 'three', 'four']);
  await service.stop();
  await writer.write('five');
  await serve({ dataDir, port });
  await expect.poll(() => seen).toEqual(['two', 'three', 'four', 'five']);
  await writer.close();
  stopping.abort();
  await following;
});

test('a slow follower gets a gap and can fill it by reading, and keeps no other waiting', async () => {
  const { client, service } = await serve({ followerBytes: 400_000 });
  const stopping = new AbortController();
  const seen: number[] = [];
  const gaps: { from: number; to: number }[] = [];
  const slow = Promise.withResolvers<void>();
  const following = (async () => {
    for await (const { frames, gap } of client.follow({
      stream: 'app/a',
      cursor: -1,
      signal: stopping.signal,
    })) {
      if (gap) gaps.push(gap);
      seen.push(...frames.map((each) => each.sequence));
      await slow.promise;
    }
  })();
  const quick: number[] = [];
  const quickGaps: unknown[] = [];
  const others = (async () => {
    const live = connectTo(service.url).follow({ stream: 'app/a', cursor: -1, signal: stopping.signal });
    for await (const { frames, gap } of live) {
      if (gap) quickGaps.push(gap);
      quick.push(...frames.map((each) => each.sequence));
    }
  })();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const total = 20_000;
  for (let done = 0; done < total; done += 500) {
    await client.append(Array.from({ length: 500 }, () => frame('app/a', noise().repeat(8))));
  }
  // While the slow one still stands at its first lines.
  await expect.poll(() => quick.length).toBe(total);
  expect(quickGaps).toEqual([]);
  slow.resolve();
  await expect.poll(() => Math.max(seen.at(-1) ?? 0, gaps.at(-1)?.to ?? 0)).toBe(total);
  expect(gaps.length).toBeGreaterThan(0);
  for (const gap of gaps) {
    for (let cursor = gap.from - 1; cursor < gap.to;) {
      const page = await client.read({ stream: 'app/a', cursor, limit: 1_000 });
      for (const each of page.frames) if (each.sequence <= gap.to) seen.push(each.sequence);
      cursor = page.frames.at(-1)?.sequence ?? gap.to;
    }
  }
  expect(new Set(seen).size).toBe(total);
  expect(seen).toHaveLength(total);
  stopping.abort();
  await Promise.all([following, others]);
});

test('kill -9 under load loses no acknowledged line and doubles none', async () => {
  const dataDir = await folder();
  const port = 21_601;
  let child = await spawnServer({ dataDir, port, segmentBytes: 20_000, journalBytes: 100_000 });
  cleanups.push(() => void child.kill('SIGKILL'));
  const client = connectTo(`http://127.0.0.1:${port}`);
  const streams = Array.from({ length: 8 }, (_, index) => `app/s${index}`);
  const written = new Map<string, number>(streams.map((stream) => [stream, 0]));
  const stopping = new AbortController();
  const writing = streams.map(async (stream) => {
    const writer = client.writer({ stream, source: 's', producer: 'p' });
    while (!stopping.signal.aborted) {
      const next = (written.get(stream) ?? 0) + 1;
      await writer.write(`line ${next}`);
      written.set(stream, next);
      if (next % 20 === 0) await writer.flush();
    }
    await writer.close();
  });
  for (let kills = 0; kills < 5; kills += 1) {
    await new Promise((resolve) => setTimeout(resolve, 400 + Math.random() * 400));
    child.kill('SIGKILL');
    await once(child, 'exit');
    child = await spawnServer({ dataDir, port, segmentBytes: 20_000, journalBytes: 100_000 });
  }
  stopping.abort();
  await Promise.all(writing);
  let total = 0;
  for (const stream of streams) {
    const lines: string[] = [];
    for (let more = true, cursor = 0; more;) {
      const page = await client.read({ stream, cursor, limit: 10_000 });
      lines.push(...page.frames.map((each) => each.line));
      cursor = page.frames.at(-1)?.sequence ?? cursor;
      more = page.more;
    }
    expect(lines).toEqual(
      Array.from({ length: written.get(stream) ?? 0 }, (_, index) => `line ${index + 1}`),
    );
    total += lines.length;
  }
  expect(total).toBeGreaterThan(100);
});

test('a torn end is cut off and what the journal holds comes back', async () => {
  const { service, client, dataDir } = await serve();
  await client.append([frame('app/a', 'one'), frame('app/a', 'two')]);
  await service.stop();
  const [file] = await readdir(join(dataDir, 'streams/app/a'));
  await appendFile(join(dataDir, 'streams/app/a', file ?? ''), 'SLK1 a block that was never finis');
  const again = (await serve({ dataDir })).client;
  await again.append([frame('app/a', 'three')]);
  const { frames } = await again.read({ stream: 'app/a' });
  expect(frames.map((each) => [each.sequence, each.line])).toEqual([
    [1, 'one'],
    [2, 'two'],
    [3, 'three'],
  ]);
});

test('retention drops old files and keeps the sequence', async () => {
  const { client, service, dataDir } = await serve({
    segmentBytes: 5_000,
    journalBytes: 5_000,
    retention: { streamBytes: 20_000, everyMs: 50, minFreeBytes: 0 },
  });
  for (let batch = 0; batch < 20; batch += 1) {
    await client.append(Array.from({ length: 50 }, () => frame('app/a', noise())));
  }
  const oldest = async () => (await client.read({ stream: 'app/a', limit: 1 })).frames[0]?.sequence ?? 0;
  await expect.poll(oldest).toBeGreaterThan(500);
  await service.stop();
  const aged = await serve({ dataDir, retention: { maxAgeMs: 1, everyMs: 50, minFreeBytes: 0 } });
  const left = async () => (await aged.client.read({ stream: 'app/a' })).frames.length;
  await expect.poll(left).toBe(0);
  await aged.client.append([frame('app/a', 'new')]);
  const { frames } = await aged.client.read({ stream: 'app/a', backward: true, limit: 1 });
  expect(frames[0]?.sequence).toBe(1_001);
});

test('beyond what all streams may take together the oldest lines go, whose ever they are', async () => {
  const { client } = await serve({
    segmentBytes: 5_000,
    journalBytes: 5_000,
    retention: { totalBytes: 40_000, everyMs: 50, minFreeBytes: 0 },
  });
  const fill = async (stream: string, batches: number) => {
    for (let batch = 0; batch < batches; batch += 1)
      await client.append(Array.from({ length: 50 }, () => frame(stream, noise())));
  };
  const oldest = async (stream: string) =>
    (await client.read({ stream, limit: 1 })).frames[0]?.sequence ?? Infinity;
  await fill('app/old', 10);
  await fill('app/new', 20);
  await expect.poll(() => oldest('app/old')).toBeGreaterThan(500);
  await expect.poll(() => oldest('app/new')).toBeGreaterThan(1);
  // The newest line is always there.
  const { frames } = await client.read({ stream: 'app/new', backward: true, limit: 1 });
  expect(frames[0]?.sequence).toBe(1_000);
});

test('a full disk costs the oldest lines, which is said, and no new one', async () => {
  const dataDir = await folder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', dataDir]);
  cleanups.push(() => void execFileSync('umount', ['--lazy', dataDir]));
  const { client, service } = await serve({
    dataDir,
    segmentBytes: 100_000,
    journalBytes: 200_000,
    retention: { everyMs: 3_600_000, minFreeBytes: 0 },
  });
  const writer = client.writer({ stream: 'app/a', source: 's', producer: 'p' });
  const total = 75_000;
  for (let number = 1; number <= total; number += 1) await writer.write(`${number} ${noise()}`);
  await writer.flush();
  const { frames } = await client.read({ stream: 'app/a', backward: true, limit: 2_000 });
  expect(frames.map(({ line }) => Number(line.split(' ')[0]))).toEqual(
    Array.from({ length: 2_000 }, (_, index) => total - 1_999 + index),
  );
  expect((await client.read({ stream: 'app/a', limit: 1 })).frames[0]?.sequence).toBeGreaterThan(1);
  const metrics = await (await fetch(`${service.statusUrl}/metrics`)).text();
  expect(metrics).toMatch(/skyarc_eventlog_shortened_bytes_total\{.*\} [1-9]/);
});

test('search finds text and patterns in any file, of an instance, in a time', async () => {
  const { client } = await serve({ segmentBytes: 20_000, journalBytes: 50_000 });
  for (let batch = 0; batch < 20; batch += 1) {
    const frames = Array.from({ length: 500 }, (_, index) => {
      const number = batch * 500 + index;
      const text = `${noise()} order=${number} took ${number % 97}ms${number % 1000 === 7 ? ' FAILED' : ''}`;
      return { ...frame('app/a', text), timeMs: 1_000_000 + number, source: `pod-${number % 3}/app` };
    });
    await client.append(frames);
  }
  const numbers = async (filter: object): Promise<number[]> => {
    const { frames, more } = await client.read({ stream: 'app/a', limit: 5_000, ...filter });
    expect(more).toBe(false);
    return frames.map(({ line }) => Number(/order=(\d+)/.exec(line)?.[1]));
  };
  const failed = [7, 1_007, 2_007, 3_007, 4_007, 5_007, 6_007, 7_007, 8_007, 9_007];
  expect(await numbers({ contains: ' FAILED' })).toEqual(failed);
  expect(await numbers({ contains: ' FAILED', backward: true })).toEqual(failed);
  expect(await numbers({ pattern: 'order=[0-9]{1,2} .*FAILED$' })).toEqual([7]);
  expect(await numbers({ pattern: '(?i)failed', source: 'pod-1' })).toEqual(
    failed.filter((n) => n % 3 === 1),
  );
  expect(await numbers({ fromMs: 1_000_010, untilMs: 1_000_013 })).toEqual([10, 11, 12]);
  expect(await numbers({ contains: 'FAILED', fromMs: 1_005_000, untilMs: 1_006_008 })).toEqual([
    5_007, 6_007,
  ]);
  const page = await client.read({ stream: 'app/a', contains: 'FAILED', limit: 3 });
  expect(page.more).toBe(true);
  expect(await numbers({ contains: 'FAILED', cursor: page.cursor })).toEqual(failed.slice(3));
  await expect(client.read({ stream: 'app/a', pattern: '(a+)+$\\1' })).rejects.toMatchObject({
    code: 'INVALID',
  });
  // A pattern that other engines need years for.
  await client.append([frame('app/a', 'a'.repeat(50_000))]);
  expect((await client.read({ stream: 'app/a', pattern: '(a+)+b$' })).frames).toEqual([]);
});

test('a WebSocket follows with a grant only and goes on at its cursor', async () => {
  const { publicKey, privateKey } = makeGrantKeys();
  const { client, service } = await serve({ socketPort: 0, grantKey: publicKey });
  await client.append(['one', 'two', 'three'].map((line) => frame('app/a', line)));
  const signer = new GrantSigner(privateKey);
  const claims: LogStreamGrant = { use: 'log-stream', stream: 'app/a', expiresAt: Date.now() + 60_000 };
  const urlOf = (grant: string, query: string) => `${service.socketUrl}/follow?grant=${grant}&${query}`;
  const seen: string[] = [];
  const open = (grant: string, query: string): WebSocket => {
    const socket = new WebSocket(urlOf(grant, query));
    cleanups.push(() => socket.close());
    socket.addEventListener('message', ({ data }) => {
      const { frames = [] } = JSON.parse(String(data)) as { frames?: { line: string }[] };
      seen.push(...frames.map(({ line }) => line));
    });
    return socket;
  };
  const first = open(signer.sign(claims), 'tail=2');
  await expect.poll(() => seen).toEqual(['two', 'three']);
  await client.append([frame('app/a', 'four')]);
  await expect.poll(() => seen).toEqual(['two', 'three', 'four']);
  first.close();
  await client.append([frame('app/a', 'five')]);
  open(signer.sign(claims), 'cursor=4');
  await expect.poll(() => seen).toEqual(['two', 'three', 'four', 'five']);
  // Live messages of each of the three sizes that a frame's head knows, and several of them at once.
  const long = [100, 1_000, 60_000].map((length) => 'ä'.repeat(length / 2));
  for (const line of long) await client.append([frame('app/a', line)]);
  const many = Array.from({ length: 40 }, (_, number) => `${number} ${'x'.repeat(5_000)}`);
  await Promise.all(
    Array.from({ length: 4 }, (_, part) =>
      client.append(many.slice(part * 10, part * 10 + 10).map((line) => frame('app/a', line))),
    ),
  );
  await expect.poll(() => seen.length).toBe(4 + long.length + many.length);
  expect(seen.slice(4, 7)).toEqual(long);
  expect(seen.slice(7).toSorted()).toEqual(many.toSorted());
  for (const grant of [
    'none',
    signer.sign({ ...claims, expiresAt: 1 }),
    new GrantSigner(makeGrantKeys().privateKey).sign(claims),
  ]) {
    const [closed] = (await once(open(grant, 'cursor=0'), 'close')) as [CloseEvent];
    expect(closed.code).toBe(4403);
  }
});

async function spawnServer(config: EventlogConfig): Promise<ChildProcess> {
  const program = `import { start } from ${JSON.stringify(join(import.meta.dirname, 'main.ts'))};
    process.on('disconnect', () => process.exit());
    await start(${JSON.stringify({ ingestPort: 0, statusPort: 0, ...config })}); process.send('ready');`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return child;
}
