import type { Turns } from './turns.ts';
import type { MessageRecord } from './store/records.ts';
import type { GroupView, TopicView } from './store/topic-view.ts';

/** A message that may be handed out now. */
export interface Claimable {
  readonly sequence: number;
  readonly message: MessageRecord;
  readonly attempt: number;
  /** Of its delivery record; 0 when there is none yet. */
  readonly modRevision: number;
}

export interface Plan {
  readonly claimable: readonly Claimable[];
  /** Sequences whose last attempt passed its deadline. */
  readonly exhausted: readonly number[];
  /** When the next delayed message is due; Infinity when there is none. */
  readonly dueMs: number;
  /** The new cursor; its delivery records can be forgotten. */
  readonly settledTo: number;
  readonly forgotten: readonly number[];
  /** Whether a settlement may let somebody have a message now. */
  readonly isPressing: boolean;
}

export interface PlanInput {
  readonly capacity: number;
  /** Sequences that are being changed already. */
  readonly touched: { readonly size: number; has(sequence: number): boolean };
  readonly now: number;
  /** Whose turn it is among the lanes. */
  readonly turns: Turns;
}

/** Of a transaction, which takes 128. */
export const maxOperations = 120;
const maxClaims = 60;
/** Settlings leave room for the rest. */
const maxForgotten = 40;

/** What a group can do next, by what is known. Pure. */
export function plan(topic: TopicView, group: GroupView, input: PlanInput): Plan {
  const claimable: Claimable[] = [];
  const exhausted: number[] = [];
  let dueMs = Infinity;
  let holdsBack = false;
  let sequence = group.settledTo + 1;
  // The first unsettled message of a key holds back the later ones; an empty key has no order.
  const held = new Set<string>();
  const limit = Math.min(input.capacity, maxClaims);
  // Without lanes the first ones are enough; with them those behind a full lane count too.
  let hasLanes = false;
  const isEnough = () => limit <= 0 || (claimable.length >= limit && !hasLanes);
  for (; sequence <= topic.completeTo && !isEnough(); sequence += 1) {
    const message = topic.messages.get(sequence);
    const record = group.deliveries.get(sequence);
    if (!message || record?.state === 'settled') continue;
    if (held.has(message.key)) {
      holdsBack = true;
      continue;
    }
    if (message.key) held.add(message.key);
    hasLanes ||= message.lane !== undefined;
    if (input.touched.has(sequence) || (record && record.untilMs > input.now)) continue;
    if (message.notBeforeMs !== undefined && message.notBeforeMs > input.now) {
      dueMs = Math.min(dueMs, message.notBeforeMs);
    } else if (record?.state === 'out' && record.attempt >= record.maxAttempts) exhausted.push(sequence);
    else {
      const { attempt, modRevision } = record ?? { attempt: 0, modRevision: 0 };
      claimable.push({ sequence, message, attempt: attempt + 1, modRevision });
    }
  }
  const selected = input.turns.select(claimable, limit);
  const room = Math.min(maxForgotten, maxOperations - input.touched.size - selected.length);
  return {
    claimable: selected,
    exhausted,
    dueMs,
    isPressing: holdsBack || sequence <= topic.completeTo,
    ...advance(topic, group, input.touched, room),
  };
}

function advance(
  topic: TopicView,
  group: GroupView,
  touched: PlanInput['touched'],
  room: number,
): Pick<Plan, 'settledTo' | 'forgotten'> {
  const forgotten: number[] = [];
  let { settledTo } = group;
  for (let sequence = settledTo + 1; sequence <= topic.completeTo; sequence += 1) {
    const record = group.deliveries.get(sequence);
    // A message that is gone, by retention or because the group is younger, counts as settled.
    const isDone = record?.state === 'settled' || !topic.messages.has(sequence);
    if (!isDone || touched.has(sequence) || forgotten.length >= room) break;
    if (record) forgotten.push(sequence);
    settledTo = sequence;
  }
  return { settledTo, forgotten };
}

const furthestLook = 1_000;

/**
 * Which of the messages that are about to be published the group may have at once: as many as its members can take
 * besides those that wait already; none while there is too much to look through. Pure.
 */
export function claimableAtOnce(
  topic: TopicView,
  group: GroupView,
  published: readonly Claimable[],
  { capacity, now }: Pick<PlanInput, 'capacity' | 'now'>,
): Claimable[] {
  if (topic.completeTo - group.settledTo > furthestLook) return [];
  const held = new Set<string>();
  let room = capacity;
  for (let sequence = group.settledTo + 1; sequence <= topic.completeTo && room > 0; sequence += 1) {
    const message = topic.messages.get(sequence);
    const record = group.deliveries.get(sequence);
    if (!message || record?.state === 'settled') continue;
    const isBusy = record !== undefined && record.untilMs > now;
    const isDelayed = (message.notBeforeMs ?? 0) > now;
    if (!isBusy && !isDelayed && !held.has(message.key)) room -= 1;
    if (message.key) held.add(message.key);
  }
  const free: Claimable[] = [];
  for (const each of published) {
    const { key, notBeforeMs = 0 } = each.message;
    if (free.length >= room) break;
    if (held.has(key)) continue;
    if (key) held.add(key);
    if (notBeforeMs <= now) free.push(each);
  }
  return free;
}
