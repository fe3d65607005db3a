import { performance } from 'node:perf_hooks';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { type PublishRequest, QueueService } from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { EtcdClient } from '@skyarc/lib/etcd';
import { createMqClient } from '@skyarc/lib/mq-client';
import { run } from '@skyarc/lib/process';
import { createRpcClient } from '@skyarc/lib/rpc';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

/** Each answers how many messages of 256 bytes a second were acknowledged as durable. */

export const messageBytes = 256;
const atOnce = 64;
const body = Buffer.alloc(messageBytes, 'x');
/** What JSON makes 256 bytes of. */
const text = 'x'.repeat(messageBytes - 2);
let topics = 0;
const newTopic = () => `rate-${process.pid}-${(topics += 1)}`;

/** So many callers, each with one call at a time. */
async function withCallers(
  count: number,
  ms: number,
  call: (number: number) => Promise<unknown>,
): Promise<number> {
  const began = performance.now();
  let done = 0;
  let next = 0;
  await Promise.all(
    Array.from({ length: count }, async () => {
      while (performance.now() - began < ms) {
        await call((next += 1));
        done += 1;
      }
    }),
  );
  return (done * 1_000) / (performance.now() - began);
}

/** Requests of 512 messages on one stream, as many on their way as two commits of the queue take. */
export async function streamRate(mqUrl: string, ms: number): Promise<number> {
  const rpc = createRpcClient(QueueService, { url: mqUrl });
  const topic = newTopic();
  const began = performance.now();
  const sent: (() => void)[] = [];
  let done = 0;
  let onTheWay = 0;
  async function* requests() {
    for (let number = 0; performance.now() - began < ms;) {
      const messages = Array.from({ length: 512 }, () => ({
        topic,
        messageId: `${(number += 1)}`,
        key: '',
        body,
      }));
      onTheWay += 1;
      yield { messages };
      if (onTheWay >= 24) await new Promise<void>((resolve) => sent.push(resolve));
    }
  }
  for await (const { sequences, failures } of rpc.calls.publishStream(requests())) {
    if (failures[0]) throw new Error(failures[0].message);
    done += sequences.length;
    onTheWay -= 1;
    sent.shift()?.();
  }
  const rate = (done * 1_000) / (performance.now() - began);
  rpc.close();
  await forget(mqUrl, topic);
  return rate;
}

/** One message a call, 64 calls at once. */
export async function publishRate(mqUrl: string, ms: number): Promise<number> {
  const client = createMqClient(mqUrl);
  const topic = newTopic();
  const rate = await withCallers(atOnce, ms, (number) =>
    client.publish({ topic, messageId: `${number}`, key: '', body: text }),
  );
  client.close();
  await forget(mqUrl, topic);
  return rate;
}

/** The same by gRPC's unary call and by the gRPC client under that of etcd, without the sharing of requests. */
export async function unaryRate(mqUrl: string, ms: number): Promise<number> {
  const { publish } = QueueService.method;
  const path = `/${QueueService.typeName}/${publish.name}`;
  const client = new Client(new URL(mqUrl).host, credentials.createInsecure());
  const write = (request: PublishRequest) => Buffer.from(toBinary(publish.input, request));
  const read = (bytes: Buffer) => fromBinary(publish.output, bytes);
  const topic = newTopic();
  const rate = await withCallers(atOnce, ms, async (number) => {
    const request = create(publish.input, { topic, messageId: `${number}`, key: '', body });
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(path, write, read, request, (error) => (error ? reject(error) : resolve()));
    });
  });
  client.close();
  await forget(mqUrl, topic);
  return rate;
}

/** Puts of the Node client that the queue itself uses, 64 at once. */
export async function nodePutRate(etcdUrl: string, ms: number): Promise<number> {
  const etcd = new EtcdClient({ url: etcdUrl });
  const prefix = `/raw/${newTopic()}`;
  const rate = await withCallers(atOnce, ms, (number) => etcd.put(`${prefix}/${number}`, body));
  etcd.close();
  return rate;
}

/** Puts of etcd's Go client by so many goroutines. */
export async function goPutRate(
  program: string,
  etcdUrl: string,
  clients: number,
  seconds: number,
): Promise<number> {
  const args = [etcdUrl, String(clients), String(seconds), String(messageBytes)];
  const { stdout } = await run(program, args, { timeoutMs: seconds * 1_000 + 20_000 });
  return Number(stdout.trim());
}

export async function bullRate(port: number, ms: number): Promise<number> {
  const connection = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: null });
  const queue = new Queue(newTopic(), { connection });
  await queue.waitUntilReady();
  const rate = await withCallers(atOnce, ms, () => queue.add('job', text));
  await queue.close();
  await connection.quit();
  return rate;
}

/** So that the next round does not begin with the last one's messages in memory. */
async function forget(mqUrl: string, topic: string): Promise<void> {
  const client = createMqClient(mqUrl);
  await client.operator.configureTopic({ topic, limits: { retainMs: 1n } });
  const isGone = async () =>
    (await client.operator.listTopics({})).topics.find((one) => one.topic === topic)?.messages === 0n;
  while (!(await isGone())) await new Promise((resolve) => setTimeout(resolve, 100));
  client.close();
}
