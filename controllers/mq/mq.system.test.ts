import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { startEtcd, type RunningEtcd } from '@skyarc/lib/etcd';
import { createMqClient, type ConsumeOptions, type Delivery, type MqClient } from '@skyarc/lib/mq-client';
import { run } from '@skyarc/lib/process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type MqConfig, start } from './main.ts';

const etcdConfig = { name: 'mq-test', clientPort: 20_410, peerPort: 20_411 };
let folder: string;
let etcd: RunningEtcd;
const cleanups: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-mq-'));
  etcd = await startServer();
});
afterAll(async () => {
  await etcd.stop();
  await rm(folder, { recursive: true });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function startServer(): Promise<RunningEtcd> {
  return startEtcd({ ...etcdConfig, dataDir: join(folder, 'etcd'), runDir: folder });
}

let tests = 0;
function newPrefix(): string {
  tests += 1;
  return `/test-${process.pid}-${tests}`;
}

async function serve(options: Partial<MqConfig> = {}) {
  const service = await start({ port: 0, statusPort: 0, etcdUrl: etcd.url, prefix: newPrefix(), ...options });
  cleanups.push(() => service.stop());
  return { service, client: connectTo(service.url) };
}

function connectTo(url: string): MqClient {
  const client = createMqClient(url);
  cleanups.push(() => client.close());
  return client;
}

function consume(
  client: MqClient,
  options: Omit<ConsumeOptions, 'signal' | 'topic' | 'group'>,
  handler: (delivery: Delivery) => Promise<void>,
) {
  const stopping = new AbortController();
  const done = client.consume({ topic: 'work', group: 'g', ...options, signal: stopping.signal }, handler);
  const stop = (): Promise<void> => {
    stopping.abort();
    return done;
  };
  cleanups.push(stop);
  return stop;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const message = (number: number, key = '') => ({
  topic: 'work',
  messageId: `m${number}`,
  key,
  body: { number },
});
const numberOf = (delivery: Delivery) => (delivery.body as { number: number }).number;

test('publishing twice with one id stores once, and a late group gets what is kept', async () => {
  const { client } = await serve();
  const [first, again] = await Promise.all([client.publish(message(1)), client.publish(message(1))]);
  expect([first, again].filter((result) => result.duplicate)).toHaveLength(1);
  expect(await client.publish(message(1))).toEqual({ sequence: 1, duplicate: true });
  await client.publish(message(2));
  const seen: number[] = [];
  consume(client, {}, async (delivery) => void seen.push(numberOf(delivery)));
  await expect.poll(() => seen).toEqual([1, 2]);
});

test('each key keeps its order, one at a time, while keys run beside each other', async () => {
  const { client } = await serve();
  const seen = new Map<string, number[]>();
  const busy = new Set<string>();
  let most = 0;
  const stop = consume(client, { concurrency: 8 }, async (delivery) => {
    expect(busy.has(delivery.key)).toBe(false);
    busy.add(delivery.key);
    most = Math.max(most, busy.size);
    await pause(Math.random() * 10);
    seen.set(delivery.key, [...(seen.get(delivery.key) ?? []), numberOf(delivery)]);
    busy.delete(delivery.key);
  });
  await Promise.all(
    Array.from({ length: 5 }, async (_, key) => {
      for (let number = 0; number < 30; number += 1) {
        await client.publish({ ...message(number, `k${key}`), messageId: `${key}-${number}` });
      }
    }),
  );
  const all = () => [...seen.values()].reduce((sum, numbers) => sum + numbers.length, 0);
  await expect.poll(all).toBe(150);
  for (const numbers of seen.values())
    expect(numbers).toEqual(Array.from({ length: 30 }, (_, index) => index));
  expect(most).toBeGreaterThan(1);
  await stop();
});

test('a failing handler is tried again after its delay and ends as a dead letter', async () => {
  const { client, service } = await serve();
  const attempts: number[] = [];
  consume(client, { maxAttempts: 3 }, async (delivery) => {
    attempts.push(delivery.attempt);
    throw new AppError('UNAVAILABLE', 'not now', { details: { retryAfterMs: 50 } });
  });
  await client.publish(message(1, 'k'));
  await expect.poll(() => attempts).toEqual([1, 2, 3]);
  const dead: unknown[] = [];
  const stopping = new AbortController();
  const reading = client.consume(
    { topic: 'work.dead', group: 'people', signal: stopping.signal },
    async (delivery) => {
      dead.push(delivery.body);
    },
  );
  await expect.poll(() => dead).toEqual([{ number: 1 }]);
  stopping.abort();
  await reading;
  expect(attempts).toEqual([1, 2, 3]);
  const metrics = await (await fetch(`${service.statusUrl}/metrics`)).text();
  expect(metrics).toMatch(/^skyarc_mq_waiting\{topic="work",group="g".*\} 0$/m);
  expect(await (await fetch(`${service.statusUrl}/healthz`)).text()).toBe('ok\n');
});

test('the message of a consumer that died is handed out again, not before its deadline', async () => {
  const { client, service } = await serve();
  await client.publish(message(1));
  const body = { topic: 'work', group: 'g', ackDeadlineMs: 1_000 };
  const takenAt = Date.now();
  const taken = await post(service.url, 'Pull', body);
  expect(taken.deliveries).toMatchObject([{ attempt: 1 }]);
  const late = () => post(service.url, 'Ack', { ...body, deliveryId: taken.deliveries?.[0]?.deliveryId });
  let again = 0;
  consume(client, {}, async (delivery) => {
    expect(delivery.attempt).toBe(2);
    expect((await late()).code).toBe('aborted');
    again = Date.now();
  });
  await expect.poll(() => again).toBeGreaterThan(0);
  expect(again - takenAt).toBeGreaterThanOrEqual(1_000);
});

test('a handler that runs longer than the deadline keeps its message', async () => {
  const { client } = await serve();
  let runs = 0;
  const handler = async () => {
    runs += 1;
    await pause(2_500);
  };
  const stop = consume(client, { ackDeadlineMs: 1_000 }, handler);
  consume(client, { ackDeadlineMs: 1_000 }, handler);
  await client.publish(message(1));
  await expect.poll(() => runs).toBe(1);
  await stop();
  await pause(1_200);
  expect(runs).toBe(1);
});

test('publish, pull and ack by plain HTTP/1.1 JSON', async () => {
  const { service } = await serve();
  const body = Buffer.from('"hello"').toString('base64');
  const request = { topic: 'work', messageId: 'x', key: 'k', body };
  expect(await post(service.url, 'Publish', request)).toMatchObject({ sequence: '1' });
  const pull = { topic: 'work', group: 'curl', waitMs: 1_000 };
  const [delivery] = (await post(service.url, 'Pull', pull)).deliveries ?? [];
  expect(delivery).toMatchObject({ messageId: 'x', body, attempt: 1 });
  const id = { topic: 'work', group: 'curl', deliveryId: delivery?.deliveryId };
  expect(await post(service.url, 'Ack', id)).toEqual({});
  expect(await post(service.url, 'Ack', id)).toEqual({});
  expect(await post(service.url, 'Pull', { ...pull, waitMs: 0 })).toEqual({});
  expect(await post(service.url, 'Publish', { ...request, topic: 'Bad Topic' })).toMatchObject({
    code: 'invalid_argument',
  });
  const large = Buffer.alloc(300_000).toString('base64');
  expect(await post(service.url, 'Publish', { ...request, body: large })).toMatchObject({
    code: 'invalid_argument',
  });
});

test('curl publishes, is told of messages as they come, and acknowledges them', async () => {
  const { service } = await serve();
  const args = (method: string, body: unknown) => [
    '--silent',
    '--show-error',
    '--fail-with-body',
    '--no-buffer',
    '--header',
    'content-type: application/json',
    '--data-binary',
    JSON.stringify(body),
    `${service.url}/skyarc.mq.v1.QueueService/${method}`,
  ];
  const curl = async (method: string, body: unknown) => {
    const { code, stdout } = await run('curl', args(method, body));
    return { code, answer: JSON.parse(stdout) as Answer };
  };
  const told: { readonly deliveryId: string; readonly body: string }[] = [];
  const reading = new AbortController();
  const subscription = { topic: 'work', group: 'shell', maxInFlight: 10 };
  const subscribed = run('curl', args('Subscribe', subscription), {
    signal: reading.signal,
    onLine: (line, stream) => stream === 'stdout' && told.push(JSON.parse(line) as (typeof told)[number]),
  }).catch((error: unknown) => error);
  for (const number of [1, 2, 3]) {
    const body = Buffer.from(`message ${number}`).toString('base64');
    expect(await curl('Publish', { topic: 'work', messageId: `m${number}`, body })).toMatchObject({
      code: 0,
      answer: { sequence: String(number) },
    });
    // It is there while the stream goes on.
    await expect.poll(() => told.length, { timeout: 60_000 }).toBe(number);
  }
  expect(told.map(({ body }) => Buffer.from(body, 'base64').toString())).toEqual([
    'message 1',
    'message 2',
    'message 3',
  ]);
  for (const { deliveryId } of told)
    expect((await curl('Ack', { topic: 'work', group: 'shell', deliveryId })).code).toBe(0);
  const again = { topic: 'work', group: 'shell', deliveryId: told[0]?.deliveryId };
  expect(await curl('Nack', again)).toMatchObject({ code: 22, answer: { code: 'aborted' } });
  expect(await curl('Subscribe', { topic: 'Bad Topic', group: 'shell' })).toMatchObject({
    code: 22,
    answer: { code: 'invalid_argument' },
  });
  reading.abort();
  await subscribed;
  // Who has gone gets nothing more: the next message is for whoever asks next.
  await curl('Publish', { topic: 'work', messageId: 'm4', body: '' });
  const pull = { topic: 'work', group: 'shell', waitMs: 30_000 };
  expect((await curl('Pull', pull)).answer.deliveries).toMatchObject([{ messageId: 'm4', attempt: 1 }]);
});

test('a full topic says so; settled messages make room', async () => {
  const { client, service } = await serve({ maxTopicMessages: 3, cleanEveryMs: 50 });
  for (let number = 1; number <= 3; number += 1) await client.publish(message(number));
  await expect(client.publish(message(4))).rejects.toMatchObject({ code: 'EXHAUSTED' });
  consume(client, {}, async () => undefined);
  await expect
    .poll(() => post(service.url, 'Inspect', { topic: 'work' }))
    .toMatchObject({ groups: [{ group: 'g' }] });
  await expect
    .poll(async () => (await post(service.url, 'Inspect', { topic: 'work' })).retained)
    .toBeUndefined();
  expect(await client.publish(message(4))).toEqual({ sequence: 4, duplicate: false });
});

test('two nodes share a group without handing a message out twice', async () => {
  const prefix = newPrefix();
  const [one, two] = [await serve({ prefix }), await serve({ prefix })];
  const seen: number[] = [];
  const handler = async (delivery: Delivery) => void seen.push(numberOf(delivery));
  consume(one.client, { concurrency: 5 }, handler);
  consume(two.client, { concurrency: 5 }, handler);
  await Promise.all(
    Array.from({ length: 300 }, (_, number) =>
      (number % 2 ? one : two).client.publish(message(number, `k${number % 20}`)),
    ),
  );
  await expect.poll(() => new Set(seen).size).toBe(300);
  await pause(200);
  expect(seen).toHaveLength(300);
});

test(
  'kill -9 of queue and etcd under load loses nothing that was acknowledged',
  { timeout: 200_000 },
  async () => {
    const config = { port: 20_420, statusPort: 0, etcdUrl: etcd.url, prefix: newPrefix() };
    let node = await spawnNode(config);
    cleanups.push(() => void node.kill('SIGKILL'));
    const client = connectTo(`http://127.0.0.1:${config.port}`);
    const acked = new Set<number>();
    const handled = new Map<number, number>();
    const holders = new Map<number, number>();
    let doubled = 0;
    const publishing = new AbortController();
    let next = 0;
    const publishers = Array.from({ length: 8 }, async () => {
      while (!publishing.signal.aborted) {
        const number = (next += 1);
        await client.publish(message(number, `k${number % 10}`));
        acked.add(number);
        await pause(5);
      }
    });
    const ackDeadlineMs = 3_000;
    consume(client, { concurrency: 10, ackDeadlineMs, maxAttempts: 100 }, async (delivery) => {
      const number = numberOf(delivery);
      const now = Date.now();
      if (now < (holders.get(number) ?? 0)) doubled += 1;
      holders.set(number, now + ackDeadlineMs);
      await pause(Math.random() * 20);
      holders.delete(number);
      handled.set(number, (handled.get(number) ?? 0) + 1);
    });
    for (let kills = 0; kills < 6; kills += 1) {
      await pause(700 + Math.random() * 600);
      if (kills % 2 === 0) {
        node.kill('SIGKILL');
        await once(node, 'exit');
        node = await spawnNode(config);
      } else {
        await etcd.daemon.signal('SIGKILL');
        await pause(300);
        etcd = await startServer();
      }
    }
    await pause(1_000);
    publishing.abort();
    await Promise.all(publishers);
    const missing = () => [...acked].filter((number) => !handled.has(number)).length;
    await expect.poll(missing, { timeout: 90_000 }).toBe(0);
    expect(acked.size).toBeGreaterThan(200);
    expect(doubled).toBe(0);
  },
);

interface Answer {
  readonly code?: string;
  readonly retained?: string;
  readonly deliveries?: readonly { deliveryId: string; attempt: number }[];
}

async function post(url: string, method: string, body: unknown): Promise<Answer> {
  const response = await fetch(`${url}/skyarc.mq.v1.QueueService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Answer;
}

async function spawnNode(config: MqConfig): Promise<ChildProcess> {
  const program = `import { start } from ${JSON.stringify(join(import.meta.dirname, 'main.ts'))};
    await start(${JSON.stringify(config)}); process.send('ready');`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return child;
}
