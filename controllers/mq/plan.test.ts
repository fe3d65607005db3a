import { expect, test } from 'vitest';
import { plan, type PlanInput } from './plan.ts';
import type { DeliveryRecord } from './store/records.ts';
import { type GroupView, TopicView } from './store/topic-view.ts';
import { Turns } from './turns.ts';

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** A topic with one message for each key, from sequence 1 on; null for one that is gone. */
function topicOf(keys: readonly (string | null)[]): TopicView {
  const topic = new TopicView('t');
  for (const [index, key] of keys.entries()) {
    if (key === null) continue;
    const message = { messageId: `${index}`, key, publishedMs: 0, body: '' };
    topic.apply({ kind: 'message', topic: 't', sequence: index + 1 }, json(message), 1);
  }
  topic.apply({ kind: 'head', topic: 't' }, json({ last: keys.length }), 1);
  return topic;
}

function groupOf(records: Readonly<Record<number, Partial<DeliveryRecord>>> = {}, settledTo = 0): GroupView {
  const base = { deliveryId: 'x', attempt: 1, untilMs: 0, maxAttempts: 3, reason: '', modRevision: 7 };
  const deliveries = Object.entries(records).map(
    ([sequence, record]) => [Number(sequence), { ...base, state: 'out' as const, ...record }] as const,
  );
  return { settledTo, cursorRevision: 1, deliveries: new Map(deliveries) };
}

const input: PlanInput = {
  capacity: 10,
  touched: new Set<number>(),
  absent: new Set<number>(),
  now: 1_000,
  turns: new Turns(),
};
const claimed = (topic: TopicView, group: GroupView, more: Partial<PlanInput> = {}) =>
  plan(topic, group, { ...input, ...more }).claimable.map(({ sequence, attempt }) => [sequence, attempt]);

test('the first unsettled message of each key is claimable; an empty key has no order', () => {
  expect(claimed(topicOf(['a', 'b', 'a', '', '']), groupOf())).toEqual([
    [1, 1],
    [2, 1],
    [4, 1],
    [5, 1],
  ]);
  expect(claimed(topicOf(['a', 'b', 'a']), groupOf({ 1: { state: 'settled' } }))).toEqual([
    [2, 1],
    [3, 1],
  ]);
  expect(claimed(topicOf(['a', 'b', 'c']), groupOf(), { capacity: 2 })).toEqual([
    [1, 1],
    [2, 1],
  ]);
});

test('a message that is out, waiting or being changed holds its key back', () => {
  expect(claimed(topicOf(['a', 'a']), groupOf({ 1: { untilMs: 2_000 } }))).toEqual([]);
  expect(claimed(topicOf(['a', 'a']), groupOf({ 1: { state: 'waiting', untilMs: 2_000 } }))).toEqual([]);
  expect(claimed(topicOf(['a', 'a']), groupOf(), { touched: new Set([1]) })).toEqual([]);
  expect(claimed(topicOf(['a', 'a']), groupOf({ 1: { untilMs: 999 } }))).toEqual([[1, 2]]);
});

test('a last attempt past its deadline is exhausted', () => {
  const planned = plan(topicOf(['a', 'a']), groupOf({ 1: { attempt: 3 } }), input);
  expect(planned).toMatchObject({ exhausted: [1], claimable: [] });
});

test('the cursor passes what is settled or surely absent, and nothing else', () => {
  const settled = { state: 'settled' as const };
  expect(plan(topicOf(['a', 'b', 'c']), groupOf({ 1: settled, 3: settled }), input)).toMatchObject({
    settledTo: 1,
    forgotten: [1],
    unknown: [],
  });
  const withHole = topicOf(['a', null, null, 'b']);
  expect(plan(withHole, groupOf({ 1: settled }), input)).toMatchObject({ settledTo: 1, unknown: [2, 3] });
  const absent = new Set([2, 3]);
  expect(plan(withHole, groupOf({ 1: settled }), { ...input, absent })).toMatchObject({
    settledTo: 3,
    unknown: [],
  });
});

test('lanes take turns, each in its own order, and a full one keeps no other waiting', () => {
  const lanes = ['red', 'red', 'red', 'blue', 'red', 'blue', 'green'];
  const topic = new TopicView('t');
  for (const [index, lane] of lanes.entries()) {
    const message = { messageId: `${index}`, key: `k${index}`, lane, publishedMs: 0, body: '' };
    topic.apply({ kind: 'message', topic: 't', sequence: index + 1 }, json(message), 1);
  }
  topic.apply({ kind: 'head', topic: 't' }, json({ last: lanes.length }), 1);
  const turns = new Turns();
  const group = groupOf();
  const order: number[] = [];
  while (order.length < lanes.length) {
    const [next] = plan(topic, group, { ...input, capacity: 1, turns }).claimable;
    if (!next) break;
    turns.take(next);
    group.deliveries.set(next.sequence, { ...settledRecord, modRevision: 1 });
    order.push(next.sequence);
  }
  expect(order).toEqual([1, 4, 7, 2, 6, 3, 5]);
  expect(claimed(topic, groupOf(), { capacity: 4 })).toEqual([
    [1, 1],
    [4, 1],
    [7, 1],
    [2, 1],
  ]);
});

const settledRecord: DeliveryRecord = {
  state: 'settled',
  deliveryId: 'x',
  attempt: 1,
  untilMs: 0,
  maxAttempts: 3,
  reason: '',
};
