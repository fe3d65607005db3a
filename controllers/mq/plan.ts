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
  /** The new cursor; its delivery records can be forgotten. */
  readonly settledTo: number;
  readonly forgotten: readonly number[];
  /** Neither message nor record known: to be looked up. */
  readonly unknown: readonly number[];
}

export interface PlanInput {
  readonly capacity: number;
  /** Sequences that are being changed already. */
  readonly touched: { has(sequence: number): boolean };
  /** Sequences known to have no message. */
  readonly absent: ReadonlySet<number>;
  readonly now: number;
  /** Whose turn it is among the lanes. */
  readonly turns: Turns;
}

const maxClaims = 20;
const maxForgotten = 40;

/** What a group can do next, by what is known. Pure. */
export function plan(topic: TopicView, group: GroupView, input: PlanInput): Plan {
  const { last } = topic.head;
  const claimable: Claimable[] = [];
  const exhausted: number[] = [];
  // The first unsettled message of a key holds back the later ones; an empty key has no order.
  const held = new Set<string>();
  const limit = Math.min(input.capacity, maxClaims);
  // Without lanes the first ones are enough; with them those behind a full lane count too.
  let hasLanes = false;
  const isEnough = () => limit <= 0 || (claimable.length >= limit && !hasLanes);
  for (let sequence = group.settledTo + 1; sequence <= last && !isEnough(); sequence += 1) {
    const message = topic.messages.get(sequence);
    const record = group.deliveries.get(sequence);
    if (!message || record?.state === 'settled' || held.has(message.key)) continue;
    if (message.key) held.add(message.key);
    hasLanes ||= message.lane !== undefined;
    if (input.touched.has(sequence) || (record && record.untilMs > input.now)) continue;
    if (record?.state === 'out' && record.attempt >= record.maxAttempts) exhausted.push(sequence);
    else {
      const { attempt, modRevision } = record ?? { attempt: 0, modRevision: 0 };
      claimable.push({ sequence, message, attempt: attempt + 1, modRevision });
    }
  }
  return { claimable: input.turns.select(claimable, limit), exhausted, ...advance(topic, group, input) };
}

function advance(
  topic: TopicView,
  group: GroupView,
  input: PlanInput,
): Omit<Plan, 'claimable' | 'exhausted'> {
  const forgotten: number[] = [];
  const unknown: number[] = [];
  let { settledTo } = group;
  for (
    let sequence = settledTo + 1;
    sequence <= topic.head.last && forgotten.length < maxForgotten;
    sequence += 1
  ) {
    const record = group.deliveries.get(sequence);
    const isMissing = !record && !topic.messages.has(sequence);
    if (isMissing && !input.absent.has(sequence)) {
      for (let next = sequence; next <= topic.head.last && unknown.length < 100; next += 1) {
        if (!topic.messages.has(next) && !input.absent.has(next)) unknown.push(next);
      }
      break;
    }
    if (!isMissing && record?.state !== 'settled') break;
    if (record) forgotten.push(sequence);
    settledTo = sequence;
  }
  return { settledTo, forgotten, unknown };
}
