import { expect, test } from 'vitest';
import { check, type CheckOptions, type Violation } from './checker.ts';
import type { HistoryEvent } from './history.ts';
import { randomOf } from './random.ts';

/** What a broken queue or log would do, and the rule that has to catch it. */
const queueMutants = {
  'ack before commit': 'lost',
  'dropped watch event': 'lost',
  'cursor passes an open message': 'lost',
  'ack is forgotten': 'after ack',
  reorder: 'order',
  'next of a key while one is out': 'order',
  'double hand-out': 'double hand-out',
  'extension is forgotten': 'double hand-out',
  'clock of the hand-out is ahead': 'double hand-out',
  'stored twice': 'stored twice',
  'head goes back': 'sequence used twice',
  'body of another': 'wrong content',
  'message from nowhere': 'never published',
} as const satisfies Record<string, Violation['rule']>;
const logMutants = {
  'lost line': 'lost',
  'line is repeated on resume': 'repeated',
  'lines change places': 'order',
  'lines are mixed': 'wrong content',
} as const satisfies Record<string, Violation['rule']>;
type Mutant = keyof typeof queueMutants | keyof typeof logMutants | 'none';

/** A queue in memory with one bug at most: three keys, hand-outs that fail, expire or are extended. */
function simulateQueue(seed: number, bug: Mutant): HistoryEvent[] {
  const random = randomOf(seed);
  const events: HistoryEvent[] = [];
  let now = 0;
  const add = (event: Record<string, unknown>) => events.push({ at: now, ...event } as HistoryEvent);
  const stored: { id: string; key: string; sequence: number; content: string }[] = [];
  let isBroken = false;
  /** Once, somewhere in the middle. */
  const breaks = (mutant: Mutant, number: number): boolean => {
    const does = bug === mutant && !isBroken && number >= 10 + (seed % 10);
    isBroken ||= does;
    return does;
  };
  for (let number = 1; number <= 40; number += 1) {
    const [id, key, content] = [`m${number}`, `k${number % 3}`, `body ${number}`];
    add({ type: 'publish-invoked', id, key, content });
    now += 1;
    const again = breaks('stored twice', number);
    if (!breaks('ack before commit', number)) stored.push({ id, key, content, sequence: number });
    const sequence = breaks('head goes back', number) ? number - 1 : number;
    add({ type: 'publish-acked', id, sequence });
    if (again) add({ type: 'publish-acked', id, sequence: sequence + 100 });
  }
  const missed = stored.findIndex((_, index) => breaks('dropped watch event', index));
  if (missed >= 0) stored.splice(missed, 1);
  for (let index = 0; index < stored.length; index += 1)
    if (breaks('reorder', index)) {
      const [moved] = stored.splice(index, 1);
      if (moved) stored.splice(index + 3, 0, moved);
      break;
    }
  let deliveries = 0;
  for (const { id, sequence, content, key } of stored) {
    const index = sequence;
    const hand = (more: Record<string, unknown> = {}): string => {
      const deliveryId = `d${(deliveries += 1)}`;
      add({
        type: 'delivered',
        id,
        group: 'g',
        deliveryId,
        sequence,
        content,
        deadlineMs: now + 100,
        ...more,
      });
      now += 1;
      return deliveryId;
    };
    const acknowledge = (deliveryId: string): void => {
      add({ type: 'ack-invoked', deliveryId });
      now += 1;
      add({ type: 'acked', deliveryId });
    };
    if (breaks('cursor passes an open message', index)) continue;
    if (breaks('body of another', index)) acknowledge(hand({ content: 'body 1' }));
    else if (breaks('message from nowhere', index)) hand({ id: 'unknown' });
    else if (breaks('double hand-out', index)) {
      hand();
      acknowledge(hand());
    } else if (breaks('clock of the hand-out is ahead', index)) {
      hand();
      now += 50;
      acknowledge(hand());
    } else if (breaks('extension is forgotten', index)) {
      const deliveryId = hand();
      now += 90;
      add({ type: 'extended', deliveryId, deadlineMs: now + 100 });
      now += 20;
      acknowledge(hand());
    } else if (breaks('ack is forgotten', index)) {
      acknowledge(hand());
      now += 200;
      acknowledge(hand());
    } else if (breaks('next of a key while one is out', index)) {
      const next = stored.find((other) => other.key === key && other.sequence > sequence);
      const deliveryId = hand();
      if (next) hand({ id: next.id, sequence: next.sequence, content: next.content });
      acknowledge(deliveryId);
    } else {
      const fate = random();
      if (fate < 0.2) {
        add({ type: 'nack-invoked', deliveryId: hand() });
      } else if (fate < 0.4) {
        hand();
        now += 100;
      } else if (fate < 0.5) {
        const deliveryId = hand();
        add({ type: 'extended', deliveryId, deadlineMs: now + 200 });
        now += 200;
      }
      acknowledge(hand());
    }
  }
  return events;
}

function simulateLog(seed: number, bug: Mutant): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  const at = 5 + (seed % 20);
  const lines = Array.from({ length: 40 }, (_, index) => ({
    id: `l${index}`,
    key: 'app',
    content: `${index}`,
  }));
  for (const line of lines) {
    events.push({ at: 0, type: 'publish-invoked', ...line }, { at: 0, type: 'publish-acked', id: line.id });
  }
  const seen = [...lines];
  const [line] = lines.slice(at);
  if (bug === 'lost line') seen.splice(at, 1);
  if (line && bug === 'line is repeated on resume') seen.splice(at + 2, 0, line);
  if (line && bug === 'lines change places') seen.splice(at, 2, lines[at + 1] ?? line, line);
  if (line && bug === 'lines are mixed') seen[at] = { ...line, content: '3 and more' };
  for (const [index, { id, content }] of seen.entries())
    events.push({ at: 1, type: 'delivered', id, content, group: 'reader', deliveryId: `${index}` });
  return events;
}

const seeds = Array.from({ length: 20 }, (_, seed) => seed);
const kinds: readonly [CheckOptions['kind'], typeof simulateQueue, Record<string, string>][] = [
  ['queue', simulateQueue, queueMutants],
  ['log', simulateLog, logMutants],
];

test.each(kinds)('a right %s breaks no rule', (kind, simulate) => {
  for (const seed of seeds) expect(check(simulate(seed, 'none'), { kind }), `seed ${seed}`).toEqual([]);
});

test.each(
  kinds.flatMap(([kind, simulate, mutants]) =>
    Object.entries(mutants).map((each) => [kind, ...each, simulate] as const),
  ),
)('%s: "%s" is caught by "%s"', (kind, mutant, rule, simulate) => {
  for (const seed of seeds) {
    const rules = check(simulate(seed, mutant as Mutant), { kind }).map((violation) => violation.rule);
    expect(rules, `seed ${seed}`).toContain(rule);
  }
});

test('a hand-out that comes after its own deadline is no second holder, and a dead letter is not lost', () => {
  const events: HistoryEvent[] = [
    { at: 0, type: 'publish-invoked', id: 'a', key: '' },
    { at: 1, type: 'publish-acked', id: 'a' },
    { at: 200, type: 'delivered', id: 'a', group: 'g', deliveryId: 'new', deadlineMs: 300 },
    { at: 210, type: 'delivered', id: 'a', group: 'g', deliveryId: 'old', deadlineMs: 100 },
    { at: 220, type: 'expired', id: 'a', group: 'g' },
  ];
  expect(check(events, { kind: 'queue' })).toEqual([]);
  expect(check(events.slice(0, -1), { kind: 'queue' })).toMatchObject([{ rule: 'lost' }]);
  expect(check([], { kind: 'queue', groups: ['g'] })).toEqual([]);
});
