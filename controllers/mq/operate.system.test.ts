import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QueueService } from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { AppError } from '@skyarc/lib/errors';
import { EtcdClient, startEtcd, type RunningEtcd } from '@skyarc/lib/etcd';
import {
  createMqClient,
  type Delivery,
  type MqClient,
  type MqOperator,
  mqTokenOf,
} from '@skyarc/lib/mq-client';
import { createRpcClient } from '@skyarc/lib/rpc';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type MqConfig, start } from './main.ts';

let folder: string;
let etcd: RunningEtcd;
let url: string;
let client: MqClient;
let operator: MqOperator;
const atEnd: (() => Promise<unknown> | void)[] = [];
const afterOne: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-mq-'));
  etcd = await startEtcd({
    name: 'mq-operate',
    dataDir: join(folder, 'etcd'),
    runDir: folder,
    clientPort: 21_500,
    peerPort: 21_501,
    quotaBytes: 48 << 20,
  });
  url = await serve({});
  client = createMqClient(url);
  operator = client.operator;
  atEnd.push(() => client.close());
});
afterAll(async () => {
  for (const end of atEnd.toReversed()) await end();
  await etcd.stop();
  await rm(folder, { recursive: true });
});
afterEach(async () => {
  for (const end of afterOne.splice(0).toReversed()) await end();
});

async function serve(config: Partial<MqConfig>): Promise<string> {
  const often = { cleanEveryMs: 50, reclaimEveryMs: 200, repairEveryMs: 500 };
  const service = await start({ port: 0, statusPort: 0, etcdUrl: etcd.url, ...often, ...config });
  atEnd.push(() => service.stop());
  return service.url;
}

let topics = 0;
const newTopic = () => `t${(topics += 1)}-${Date.now()}`;
const message = (topic: string, number: number, key = '') => ({
  topic,
  messageId: `m${number}`,
  key,
  body: { number },
});

function consume(topic: string, handler: (delivery: Delivery) => Promise<void>, maxAttempts = 5): void {
  const stopping = new AbortController();
  const done = client.consume({ topic, group: 'g', maxAttempts, signal: stopping.signal }, handler);
  afterOne.push(() => {
    stopping.abort();
    return done;
  });
}

const stateOf = async (topic: string) =>
  (await operator.listTopics({})).topics.find((one) => one.topic === topic);

test('a dead letter says why it died, is replayed once, and another is discarded', async () => {
  const topic = newTopic();
  const seen: string[] = [];
  let isWell = false;
  consume(
    topic,
    async ({ messageId }) => {
      if (!isWell) throw new AppError('INVALID', 'cannot read it', { details: { retryAfterMs: 10 } });
      seen.push(messageId);
    },
    2,
  );
  for (const number of [1, 2, 3]) await client.publish(message(topic, number, `k${number}`));
  await expect.poll(async () => (await stateOf(topic))?.dead).toBe(3n);
  const { letters, more } = await operator.listDeadLetters({ topic, limit: 2 });
  expect(more).toBe(true);
  expect(letters[0]).toMatchObject({ group: 'g', attempts: 2, reason: 'cannot read it' });
  const all = (await operator.listDeadLetters({ topic })).letters;
  const [first, second] = all;
  isWell = true;
  const sequences = [first?.sequence ?? 0n];
  expect(await operator.replayDeadLetters({ topic, sequences })).toMatchObject({ replayed: 1n });
  expect(await operator.replayDeadLetters({ topic, sequences })).toMatchObject({ replayed: 0n });
  expect(await operator.discardDeadLetters({ topic, sequences: [second?.sequence ?? 0n] })).toMatchObject({
    discarded: 1n,
  });
  await expect.poll(() => seen).toHaveLength(1);
  expect((await operator.listDeadLetters({ topic })).letters).toMatchObject([{ sequence: all[2]?.sequence }]);
  expect(await operator.replayDeadLetters({ topic })).toMatchObject({ replayed: 1n });
  await expect.poll(() => seen).toHaveLength(2);
});

test('a delayed message comes when it is due, and its key waits for it', async () => {
  const topic = newTopic();
  const seen: number[] = [];
  consume(topic, async ({ body }) => void seen.push((body as { number: number }).number));
  const publishedAt = Date.now();
  await client.publish({ ...message(topic, 1, 'a'), delayMs: 700 });
  await client.publish(message(topic, 2, 'a'));
  await client.publish(message(topic, 3, 'b'));
  await expect.poll(() => seen).toEqual([3, 1, 2]);
  expect(Date.now() - publishedAt).toBeGreaterThanOrEqual(700);
});

test('retention removes the oldest by count, bytes and age', async () => {
  const topic = newTopic();
  await operator.configureTopic({ topic, limits: { retainMessages: 3n } });
  await Promise.all([1, 2, 3, 4, 5].map((number) => client.publish(message(topic, number))));
  await expect.poll(async () => (await stateOf(topic))?.messages).toBe(3n);
  const seen: number[] = [];
  consume(topic, async ({ body }) => void seen.push((body as { number: number }).number));
  await expect.poll(() => seen).toEqual([3, 4, 5]);
  // Their ids are remembered though they are gone.
  expect(await client.publish(message(topic, 1))).toEqual({ sequence: 1, duplicate: true });
  const other = newTopic();
  await operator.configureTopic({ topic: other, limits: { retainBytes: 30n } });
  for (const number of [1, 2, 3, 4]) await client.publish(message(other, number));
  await expect.poll(async () => (await stateOf(other))?.messages).toBe(2n);
  await operator.configureTopic({ topic: other, limits: { retainMs: 1n } });
  await expect.poll(async () => (await stateOf(other))?.messages).toBe(0n);
});

test('a full topic names who is behind; deleting that group makes room', async () => {
  const topic = newTopic();
  await operator.configureTopic({ topic, limits: { maxMessages: 2n } });
  const seen: number[] = [];
  consume(topic, async ({ body }) => void seen.push((body as { number: number }).number));
  const rpc = createRpcClient(QueueService, { url });
  afterOne.push(() => rpc.close());
  await rpc.calls.pull({ topic, group: 'forgotten' });
  await client.publish(message(topic, 1));
  await client.publish(message(topic, 2));
  await expect(client.publish(message(topic, 3))).rejects.toMatchObject({
    code: 'EXHAUSTED',
    message: expect.stringMatching(/full with 2 messages, and group "\w+" is furthest behind/) as string,
  });
  await expect.poll(() => seen).toEqual([1, 2]);
  await expect(operator.deleteGroup({ topic, group: 'g' })).rejects.toMatchObject({ code: 'CONFLICT' });
  await operator.deleteGroup({ topic, group: 'forgotten' });
  await expect
    .poll(() => client.publish(message(topic, 3)).catch(({ code }: AppError) => code))
    .toMatchObject({ duplicate: false });
});

test('a group that has its consumers at another node is not deleted', async () => {
  const topic = newTopic();
  const other = createMqClient(await serve({}));
  afterOne.push(() => other.close());
  const leaving = new AbortController();
  const consuming = other.consume({ topic, group: 'g', signal: leaving.signal }, async () => undefined);
  const consumers = async () =>
    (await operator.listTopics({})).topics
      .find((one) => one.topic === topic)
      ?.groups.map((one) => one.consumers);
  await client.publish(message(topic, 1));
  await expect.poll(consumers).toEqual([1]);
  await expect(operator.deleteGroup({ topic, group: 'g' })).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining('it has consumers') as string,
  });
  leaving.abort();
  await consuming;
  await expect.poll(consumers).toEqual([0]);
  await operator.deleteGroup({ topic, group: 'g' });
  expect(await consumers()).toEqual([]);
});

test('a service does what its rule lists, and nothing else', async () => {
  const secret = 'a secret of sixteen or more';
  const guarded = await serve({
    prefix: '/guarded',
    access: {
      secret,
      services: { shop: { publish: ['orders'], subscribe: ['bills.*'] }, boss: { operate: true } },
    },
  });
  const as = (token?: string) => {
    const one = createMqClient(guarded, { token });
    afterOne.push(() => one.close());
    return one;
  };
  const shop = as(mqTokenOf(secret, 'shop'));
  expect(await shop.publish(message('orders', 1))).toMatchObject({ sequence: 1 });
  await expect(shop.publish(message('bills', 1))).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(as().publish(message('orders', 2))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  const forged = mqTokenOf('another secret, as long', 'shop');
  await expect(as(forged).publish(message('orders', 2))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  const { signal } = new AbortController();
  await expect(
    shop.consume({ topic: 'orders', group: 'g', signal }, () => Promise.resolve()),
  ).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(shop.operator.listTopics({})).rejects.toMatchObject({ code: 'FORBIDDEN' });
  const boss = as(mqTokenOf(secret, 'boss'));
  expect((await boss.operator.listTopics({})).topics).toMatchObject([{ topic: 'orders', messages: 1n }]);
  await expect(start({ etcdUrl: etcd.url, host: '0.0.0.0' })).rejects.toMatchObject({ code: 'INVALID' });
});

test('a full etcd refuses with a clear error, and takes messages again once there is room', async () => {
  const topic = newTopic();
  const store = new EtcdClient({ url: etcd.url });
  afterOne.push(() => store.close());
  const isFull = () =>
    store.put('/junk', Buffer.alloc(1 << 20)).then(
      () => false,
      ({ code }: AppError) => code === 'EXHAUSTED',
    );
  while (!(await isFull())) continue;
  await store.delete('/junk');
  let publishes = 0;
  await expect
    .poll(() => client.publish(message(topic, (publishes += 1))).catch(({ code }: AppError) => code), {
      timeout: 60_000,
    })
    .toMatchObject({ duplicate: false });
});
