import { setTimeout as sleep } from 'node:timers/promises';
import { check, type Violation } from '../testkit/checker.ts';
import type { HistoryEvent } from '../testkit/history.ts';
import { randomOf } from '../testkit/random.ts';
import { faults } from './mq-faults.ts';
import { MqLoad } from './mq-load.ts';
import type { MqWorld } from './mq-world.ts';

export interface ScheduleResult {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly published: number;
  readonly deliveries: number;
  readonly violations: readonly Violation[];
  readonly events: readonly HistoryEvent[];
}

const loadMs = 700;
const drainMs = 30_000;

/** What a seed decides: which faults, when and how long, beside which load. The world is whole again afterwards. */
export async function runSchedule(world: MqWorld, seed: number): Promise<ScheduleResult> {
  const random = randomOf(seed);
  const names = Object.keys(faults);
  const chosen = Array.from(
    { length: 1 + Math.floor(random() * 2) },
    () =>
      // Every fault comes first in turn; what comes beside it is random.
      names[Math.floor(random() * names.length)] ?? '',
  );
  chosen[0] = names[seed % names.length] ?? '';
  const hasSlowConsumer = random() < 0.25;
  const load = new MqLoad({
    urls: world.urls,
    topic: `s${seed}`,
    random: randomOf(seed + 1),
    hasSlowConsumer,
  });
  load.start();
  const breaking = chosen.map(async (name, index) => {
    await sleep(100 + index * random() * 300);
    await faults[name]?.(world, randomOf(seed * 7 + index));
  });
  await Promise.all([sleep(loadMs), Promise.allSettled(breaking)]);
  await world.heal();
  const isDone = await load.drain(drainMs);
  const violations = check(load.history.events, { kind: 'queue', groups: ['g'] });
  if (!isDone && violations.length === 0)
    violations.push({ rule: 'lost', id: '', text: `not handled within ${drainMs} ms` });
  return {
    seed,
    faults: [...chosen, ...(hasSlowConsumer ? ['slow consumer'] : [])],
    published: load.published,
    deliveries: load.history.events.filter(({ type }) => type === 'delivered').length,
    violations,
    events: load.history.events,
  };
}
