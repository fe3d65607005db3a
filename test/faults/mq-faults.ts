import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultProxy } from '../testkit/fault-proxy.ts';
import type { MqWorld } from './mq-world.ts';

/** Breaks something, and resolves when it has been broken long enough; what is down then is started by `heal()`. */
export type Fault = (world: MqWorld, random: () => number) => Promise<void>;

const between = (random: () => number, low: number, high: number) => low + random() * (high - low);
const one = (random: () => number, count: number) => Math.floor(random() * count);

function network(name: 'front' | 'backs', breakIt: (proxy: FaultProxy, random: () => number) => void): Fault {
  return async (world, random) => {
    const node = world.nodes[one(random, world.nodes.length)];
    for (const proxy of node ? [node[name]].flat() : []) breakIt(proxy, random);
    await sleep(between(random, 100, 700));
    for (const proxy of node ? [node[name]].flat() : []) proxy.heal();
  };
}

async function killNode(world: MqWorld, random: () => number): Promise<void> {
  const index = one(random, world.nodes.length);
  await world.killNode(index);
  await sleep(between(random, 0, 300));
  await world.restartNode(index);
}

/** Of three the one that leads, as a rule. */
async function killEtcd(world: MqWorld, random: () => number): Promise<void> {
  const index = random() < 0.8 ? await world.cluster.leader() : one(random, world.cluster.members.length);
  await world.cluster.kill(index);
  await sleep(between(random, 0, 400));
  await world.restartMember(index);
}

/** Junk until etcd refuses every write; the queue has to make room by itself once the junk is gone. */
async function noSpace(world: MqWorld): Promise<void> {
  const junk = Buffer.alloc(1 << 20);
  for (let number = 0; number < 100; number += 1) {
    const isFull = await world.etcd.put('/junk', junk).then(
      () => false,
      (error: { code?: string }) => error.code === 'EXHAUSTED',
    );
    if (isFull) break;
  }
  await sleep(200);
  await world.etcd.delete('/junk').catch(() => undefined);
}

/** By name, as the report counts them. */
export const faults: Readonly<Record<string, Fault>> = {
  'kill -9 of a node': killNode,
  'kill -9 of etcd': killEtcd,
  'kill -9 of both': async (world, random) => {
    await Promise.all([killNode(world, random), killEtcd(world, random)]);
  },
  'SIGSTOP of a node': async (world, random) => {
    const node = world.nodes[one(random, world.nodes.length)];
    node?.part.pause();
    await sleep(between(random, 200, 1_200));
    node?.part.resume();
  },
  'SIGSTOP of etcd': async (world, random) => {
    const member = world.cluster.members[one(random, world.cluster.members.length)];
    await member?.daemon.signal('SIGSTOP');
    await sleep(between(random, 200, 1_000));
    await member?.daemon.signal('SIGCONT');
  },
  'partition from etcd': network('backs', (proxy) => proxy.partition()),
  'half open from etcd': network('backs', (proxy) => proxy.halfOpen('to-client')),
  'reset from etcd': network('backs', (proxy) => proxy.reset()),
  'slow etcd': network('backs', (proxy, random) => proxy.delay(between(random, 5, 60))),
  'partition from clients': network('front', (proxy) => proxy.partition()),
  'lost answers to clients': network('front', (proxy) => proxy.halfOpen('to-client')),
  'lost requests of clients': network('front', (proxy) => proxy.drop()),
  'refused clients': network('front', (proxy) => proxy.refuse()),
  'no space': noSpace,
};
