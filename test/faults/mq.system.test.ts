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
