import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEventLogClient, createIngestClient } from '@skyarc/lib/eventlog-client';
import { retry } from '@skyarc/lib/retry';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PodInfo, PodSource } from '../pods.ts';
import { Positions } from '../positions.ts';
import { FileCollector } from './collector.ts';

const ports = { port: 21_640, ingestPort: 21_641 };
const client = createEventLogClient(`http://127.0.0.1:${ports.port}`);
let folder: string;
let eventlog: ChildProcess;
const cleanups: (() => Promise<unknown> | void)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-node-'));
  eventlog = await startEventlog();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  eventlog.kill('SIGKILL');
  client.close();
  await rm(folder, { recursive: true });
});

class KnownPods implements PodSource {
  private readonly pods = new Map<string, PodInfo>();
  private readonly handlers = new Set<() => void>();

  add(uid: string): void {
    const pod = { uid, namespace: 'team', name: `pod-${uid}`, appId: `dc.app.${uid}`, containers: [] };
    this.pods.set(uid, pod);
    for (const handler of this.handlers) handler();
  }

  find(uid: string): PodInfo | undefined {
    return this.pods.get(uid);
  }

  list(): readonly PodInfo[] {
    return [...this.pods.values()];
  }

  onChange(handler: () => void): () => void {
    this.handlers.add(handler);
    return () => this.handlers.delete(handler);
  }
}

async function collect(pods: PodSource, scanEveryMs = 500): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const ingest = createIngestClient(`tcp://127.0.0.1:${ports.ingestPort}`);
  const positions = await Positions.open(join(folder, 'positions.json'));
  const ship: ConstructorParameters<typeof FileCollector>[0]['ship'] = async (frames) => {
    await retry(() => ingest.append(frames), { signal, maxMs: 200 });
  };
  const podLogRoot = join(folder, 'pods');
  const done = new FileCollector({ podLogRoot, scanEveryMs, pods, positions, ship }).run(signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await done;
    await positions.save();
    ingest.close();
  };
  cleanups.push(stop);
  return stop;
}

async function containerFolder(uid: string, container = 'app'): Promise<string> {
  const path = join(folder, 'pods', `team_pod-${uid}_${uid}`, container);
  await mkdir(path, { recursive: true });
  return path;
}

let clock = Date.now();
const cri = (text: string, tag = 'F') => `${new Date((clock += 1)).toISOString()} stdout ${tag} ${text}\n`;

async function linesOf(uid: string): Promise<string[]> {
  const lines: string[] = [];
  for (let more = true, cursor = 0; more;) {
    const page = await client.read({ stream: `app/dc.app.${uid}`, cursor, limit: 10_000 });
    lines.push(...page.frames.map((frame) => frame.line));
    cursor = page.frames.at(-1)?.sequence ?? cursor;
    more = page.more;
  }
  return lines;
}

test('a line reaches a follower at once; lines wait until the pod is known', async () => {
  const pods = new KnownPods();
  const path = await containerFolder('u1');
  await appendFile(join(path, '0.log'), cri('early'));
  // No scan: what arrives is what the kernel told.
  await collect(pods, 600_000);
  pods.add('u1');
  await expect.poll(() => linesOf('u1')).toEqual(['early']);
  const stopping = new AbortController();
  cleanups.push(() => stopping.abort());
  const seen: string[] = [];
  const following = (async () => {
    for await (const { frames } of client.follow({
      stream: 'app/dc.app.u1',
      cursor: 0,
      signal: stopping.signal,
    })) {
      seen.push(...frames.map((frame) => frame.line));
    }
  })();
  for (let number = 1; number <= 20; number += 1) {
    await appendFile(join(path, '0.log'), cri(`line ${number}`));
    await expect.poll(() => seen.at(-1), { interval: 2 }).toBe(`line ${number}`);
  }
  stopping.abort();
  await following;
  expect(seen).toHaveLength(21);
});

test('rotation, restarts of container and collector, and removal lose and double nothing', async () => {
  const pods = new KnownPods();
  pods.add('u2');
  let stop = await collect(pods);
  const path = await containerFolder('u2');
  const expected: string[] = [];
  const write = async (run: number, count: number): Promise<void> => {
    for (let number = 0; number < count; number += 1) {
      const text = `run ${run} line ${expected.length}`;
      const isParted = number % 7 === 0;
      await appendFile(
        join(path, `${run}.log`),
        isParted ? cri(text.slice(0, 4), 'P') + cri(text.slice(4)) : cri(text),
      );
      expected.push(text);
    }
  };
  await write(0, 200);
  await rename(join(path, '0.log'), join(path, '0.log.20260101-000001'));
  await write(0, 200);
  await stop();
  await write(0, 50);
  await rename(join(path, '0.log'), join(path, '0.log.20260101-000002.123'));
  await write(0, 50);
  stop = await collect(pods);
  await write(1, 100);
  await expect.poll(() => linesOf('u2')).toEqual(expected);
  await stop();
  await rm(join(folder, 'positions.json'));
  await collect(pods);
  await write(1, 5);
  await expect.poll(() => linesOf('u2')).toEqual(expected);
  await write(1, 10);
  await rm(join(path, '..'), { recursive: true });
  await expect.poll(() => linesOf('u2')).toEqual(expected);
});

test('while the event log is away lines wait, also those of containers that live shortly', async () => {
  const pods = new KnownPods();
  await collect(pods);
  const longLived = await containerFolder('u3');
  pods.add('u3');
  await appendFile(join(longLived, '0.log'), cri('before'));
  await expect.poll(() => linesOf('u3')).toEqual(['before']);
  eventlog.kill('SIGKILL');
  await once(eventlog, 'exit');
  await appendFile(join(longLived, '0.log'), cri('during'));
  for (let number = 0; number < 20; number += 1) {
    const path = await containerFolder(`s${number}`);
    pods.add(`s${number}`);
    await appendFile(join(path, '0.log'), cri('short one') + cri('short two'));
  }
  await new Promise((resolve) => setTimeout(resolve, 800));
  for (let number = 0; number < 20; number += 1) {
    await rm(join(await containerFolder(`s${number}`), '..'), { recursive: true });
  }
  eventlog = await startEventlog();
  await expect.poll(() => linesOf('u3')).toEqual(['before', 'during']);
  for (let number = 0; number < 20; number += 1) {
    await expect.poll(() => linesOf(`s${number}`)).toEqual(['short one', 'short two']);
  }
});

/** Another room's program: run as one, not imported. */
async function startEventlog(): Promise<ChildProcess> {
  const config = { ...ports, statusPort: 0, dataDir: join(folder, 'eventlog') };
  const program = `import { start } from ${JSON.stringify(join(import.meta.dirname, '../../eventlog/main.ts'))};
    await start(${JSON.stringify(config)}); process.send('ready');`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return child;
}
