import { expect, test } from 'vitest';
import { claimableAtOnce, plan, type PlanInput } from './plan.ts';
import type { DeliveryRecord, MessageRecord } from './store/records.ts';
import { encodeSegment } from './store/segment.ts';
import { type GroupView, TopicView } from './store/topic-view.ts';
import { Turns } from './turns.ts';

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** A topic with one message for each, from sequence 1 on; null for one that is gone. */
function topicWith(messages: readonly (Partial<MessageRecord> | null)[]): TopicView {
  const topic = new TopicView('t');
  const segment = messages.map((message, index) => {
    const base = { messageId: `${index}`, key: '', publishedMs: 0, body: Buffer.from('x') };
    return message && { ...base, ...message };
  });
  topic.apply({ kind: 'segment', topic: 't', first: 1 }, encodeSegment(segment), 1);
  topic.apply({ kind: 'head', topic: 't' }, json({ last: messages.length }), 1);
  return topic;
}

/** A topic with one message for each key. */
function topicOf(keys: readonly (string | null)[]): TopicView {
  return topicWith(keys.map((key) => (key === null ? null : { key })));
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

test('the cursor passes what is settled or gone, and nothing else', () => {
  const settled = { state: 'settled' as const };
  expect(plan(topicOf(['a', 'b', 'c']), groupOf({ 1: settled, 3: settled }), input)).toMatchObject({
    settledTo: 1,
    forgotten: [1],
  });
  const withHole = topicOf(['a', null, null, 'b']);
  expect(plan(withHole, groupOf({ 1: settled, 3: {} }), input)).toMatchObject({
    settledTo: 3,
    forgotten: [1, 3],
  });
});

test('nothing beyond a gap is handed out or passed: the watch may have lost it', () => {
  const topic = topicOf(['a', 'b']);
  const later = encodeSegment([{ messageId: 'x', key: 'a', publishedMs: 0, body: Buffer.from('x') }]);
  topic.apply({ kind: 'segment', topic: 't', first: 4 }, later, 2);
  topic.apply({ kind: 'head', topic: 't' }, json({ last: 4 }), 2);
  expect(topic.isComplete).toBe(false);
  const settled = { state: 'settled' as const };
  const planned = plan(topic, groupOf({ 1: settled, 2: settled }), input);
  expect(planned).toMatchObject({ settledTo: 2, claimable: [] });
});

const isPressing = (topic: TopicView, group: GroupView, capacity = 9) =>
  plan(topic, group, { ...input, capacity }).isPressing;

test('a settlement presses only when somebody could have a message after it', () => {
  const busy = { untilMs: 2_000 };
  expect(isPressing(topicOf(['a', 'b']), groupOf({ 1: busy, 2: busy }))).toBe(false);
  expect(isPressing(topicOf(['a', 'a']), groupOf({ 1: busy }))).toBe(true);
  expect(isPressing(topicOf(['a', 'b']), groupOf({ 1: busy, 2: busy }), 0)).toBe(true);
});

test('a delayed message waits and holds its key, others go on', () => {
  const topic = topicWith([{ key: 'a', notBeforeMs: 2_000 }, { key: 'a' }, { key: 'b' }]);
  expect(claimed(topic, groupOf())).toEqual([[3, 1]]);
  expect(plan(topic, groupOf(), input).dueMs).toBe(2_000);
  expect(claimed(topic, groupOf(), { now: 2_000 })).toEqual([
    [1, 1],
    [3, 1],
  ]);
});

const message = (key: string, sequence: number, more: Partial<MessageRecord> = {}) => ({
  sequence,
  message: { messageId: `${sequence}`, key, publishedMs: 0, body: Buffer.from('x'), ...more },
  attempt: 1,
  modRevision: 0,
});

test('what is being published may be had at once, besides what waits before it', () => {
  const published = [
    message('a', 3),
    message('b', 4),
    message('b', 5),
    message('c', 6, { notBeforeMs: 2_000 }),
  ];
  const atOnce = (topic: TopicView, group: GroupView, capacity = 9) =>
    claimableAtOnce(topic, group, published, { capacity, now: 1_000 }).map(({ sequence }) => sequence);
  const busy = { untilMs: 2_000 };
  const settled = { state: 'settled' as const };
  expect(atOnce(topicOf(['a', 'b']), groupOf({ 1: settled, 2: settled }))).toEqual([3, 4]);
  expect(atOnce(topicOf(['a', 'b']), groupOf({ 1: settled, 2: settled }), 1)).toEqual([3]);
  expect(atOnce(topicOf(['a', 'x']), groupOf({ 1: busy, 2: settled }))).toEqual([4]);
  expect(atOnce(topicOf(['x', 'y']), groupOf({ 1: settled }), 1)).toEqual([]);
  expect(atOnce(topicOf(['x', 'y']), groupOf({ 1: settled }), 2)).toEqual([3]);
  expect(atOnce(topicOf(['x', 'a']), groupOf({ 1: settled }))).toEqual([4]);
  expect(atOnce(topicOf(['x', 'y']), groupOf({ 1: settled, 2: { untilMs: 999 } }), 1)).toEqual([]);
});

test('lanes take turns, each in its own order, and a full one keeps no other waiting', () => {
  const lanes = ['red', 'red', 'red', 'blue', 'red', 'blue', 'green'];
  const topic = topicWith(lanes.map((lane, index) => ({ key: `k${index}`, lane })));
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
