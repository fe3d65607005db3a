import { createMqClient } from '@skyarc/lib/mq-client';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runSchedule } from './mq-schedule.ts';
import { MqWorld } from './mq-world.ts';

// Many more by `node test/faults/mq.ts --schedules 500`.
let world: MqWorld;
beforeAll(async () => {
  world = await MqWorld.start({ members: 3, basePort: 21_460 });
});
afterAll(() => world.stop());

test.each([
  [28, 'kill -9 of a node'],
  [16, 'kill -9 of both'],
  [17, 'SIGSTOP of a node'],
  [19, 'partition from etcd'],
])('seed %i, %s: nothing acknowledged is lost, no key loses its order', async (seed, fault) => {
  const { violations, published, faults } = await runSchedule(world, seed);
  expect(violations).toEqual([]);
  expect(published).toBeGreaterThan(0);
  expect(faults[0]).toBe(fault);
});

test('hand-outs whose writing was never answered are made again, though nothing else happens', async () => {
  const [node] = world.nodes;
  const client = createMqClient(node!.front.url);
  const ending = new AbortController();
  const handled = new Set<string>();
  const place = { topic: `doubt-${Date.now()}`, group: 'g', concurrency: 2, ackDeadlineMs: 2_000 };
  const consuming = client.consume({ ...place, signal: ending.signal }, async ({ messageId }) => {
    handled.add(messageId);
  });
  const publish = (messageId: string, delayMs: number) =>
    client.publish({ topic: place.topic, messageId, key: messageId, delayMs, body: {} });
  await publish('first', 0);
  await expect.poll(() => handled.size).toBe(1);
  await Promise.all(['a', 'b', 'c'].map((id) => publish(id, 1_500)));
  await sleep(500);
  for (const back of node!.backs) back.halfOpen('to-target');
  await sleep(2_000);
  for (const back of node!.backs) back.heal();
  await expect.poll(() => [...handled]).toEqual(['first', 'a', 'b', 'c']);
  ending.abort();
  await consuming;
  client.close();
});
