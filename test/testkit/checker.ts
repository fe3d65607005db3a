import type { HistoryEvent } from './history.ts';

export interface Violation {
  readonly rule:
    | 'lost'
    | 'never published'
    | 'wrong content'
    | 'stored twice'
    | 'sequence used twice'
    | 'order'
    | 'double hand-out'
    | 'after ack'
    | 'repeated';
  readonly id: string;
  readonly text: string;
}

export interface CheckOptions {
  /** Each of them has to see every acknowledged message; default: all that appear in the history. */
  readonly groups?: readonly string[];
  /**
   * `queue`: handed out again only after its deadline or a nack, and a key's next message only when the one before
   * it is done with. `log`: each reader sees each line once, in order.
   */
  readonly kind: 'queue' | 'log';
}

interface Published {
  readonly id: string;
  readonly key: string;
  readonly content: string | undefined;
  readonly invokedIndex: number;
  ackedIndex: number;
}

interface Handed {
  readonly id: string;
  readonly deliveryId: string;
  readonly at: number;
  readonly index: number;
  readonly isLate: boolean;
  deadlineMs: number;
  nackIndex: number;
  /** When the ack was sent: it may have counted although its answer was lost. */
  ackSentIndex: number;
  ackedIndex: number;
}

/**
 * What a whole history breaks of: acknowledged means delivered in the end, with the content of its id; messages of a
 * key in order, where the order of two is known because the first was acknowledged before the second was begun; one
 * holder at a time; nothing after an ack. Pure; the events in the order in which they were seen.
 */
export function check(events: readonly HistoryEvent[], options: CheckOptions): Violation[] {
  const history = read(events);
  const groups = options.groups ?? [...history.handed.keys()];
  return [
    ...history.violations,
    ...groups.flatMap((group) => {
      const handed = history.handed.get(group) ?? new Map<string, Handed[]>();
      const gone = history.expired.get(group) ?? new Set<string>();
      return [
        ...lost(history.published, handed, gone, group, options),
        ...disorder(history.published, handed, gone, options).map(({ id, after }): Violation => {
          return { rule: 'order', id, text: `delivered to ${group} before ${after} was done with` };
        }),
        ...(options.kind === 'queue' ? doubled(handed) : repeated(handed)),
      ];
    }),
  ];
}

interface Read {
  readonly published: ReadonlyMap<string, Published>;
  /** By group and id, in order of delivery. */
  readonly handed: ReadonlyMap<string, ReadonlyMap<string, Handed[]>>;
  readonly expired: ReadonlyMap<string, ReadonlySet<string>>;
  readonly violations: readonly Violation[];
}

function read(events: readonly HistoryEvent[]): Read {
  const published = new Map<string, Published>();
  const handed = new Map<string, Map<string, Handed[]>>();
  const byDelivery = new Map<string, Handed>();
  const expired = new Map<string, Set<string>>();
  const violations: Violation[] = [];
  const sequenceOf = new Map<string, number>();
  const idOf = new Map<number, string>();
  const number = (id: string, sequence: number | undefined): void => {
    if (sequence === undefined) return;
    const [knownSequence, knownId] = [sequenceOf.get(id) ?? sequence, idOf.get(sequence) ?? id];
    if (knownSequence !== sequence)
      violations.push({ rule: 'stored twice', id, text: `as ${knownSequence} and ${sequence}` });
    if (knownId !== id)
      violations.push({ rule: 'sequence used twice', id, text: `${sequence} is ${knownId}` });
    sequenceOf.set(id, sequence);
    idOf.set(sequence, id);
  };
  for (const [index, event] of events.entries()) {
    switch (event.type) {
      case 'publish-invoked':
        if (!published.has(event.id)) {
          const { id, key, content } = event;
          published.set(id, { id, key, content, invokedIndex: index, ackedIndex: Infinity });
        }
        break;
      case 'publish-acked': {
        const message = published.get(event.id);
        if (message) message.ackedIndex = Math.min(message.ackedIndex, index);
        else violations.push({ rule: 'never published', id: event.id, text: 'acknowledged' });
        number(event.id, event.sequence);
        break;
      }
      case 'delivered': {
        const { id, group, deliveryId, at } = event;
        const message = published.get(id);
        if (!message) violations.push({ rule: 'never published', id, text: `delivered to ${group}` });
        else if (message.content !== event.content)
          violations.push({ rule: 'wrong content', id, text: `delivered to ${group}` });
        number(id, event.sequence);
        const deadlineMs = event.deadlineMs ?? Infinity;
        const one: Handed = {
          id,
          deliveryId,
          at,
          index,
          deadlineMs,
          isLate: at >= deadlineMs,
          nackIndex: Infinity,
          ackSentIndex: Infinity,
          ackedIndex: Infinity,
        };
        const ids = handed.get(group) ?? new Map<string, Handed[]>();
        handed.set(group, ids.set(id, [...(ids.get(id) ?? []), one]));
        byDelivery.set(deliveryId, one);
        break;
      }
      case 'expired':
        expired.set(event.group, (expired.get(event.group) ?? new Set()).add(event.id));
        break;
      default:
        follow(byDelivery.get(event.deliveryId), event, index);
    }
  }
  return { published, handed, expired, violations };
}

function follow(
  handed: Handed | undefined,
  event: Extract<HistoryEvent, { type: 'extended' | 'ack-invoked' | 'acked' | 'nack-invoked' }>,
  index: number,
): void {
  if (!handed) return;
  if (event.type === 'extended') handed.deadlineMs = Math.max(handed.deadlineMs, event.deadlineMs);
  else if (event.type === 'acked') handed.ackedIndex = Math.min(handed.ackedIndex, index);
  else if (event.type === 'ack-invoked') handed.ackSentIndex = Math.min(handed.ackSentIndex, index);
  else handed.nackIndex = Math.min(handed.nackIndex, index);
}

type ByIds = ReadonlyMap<string, readonly Handed[]>;

function lost(
  published: Read['published'],
  handed: ByIds,
  gone: ReadonlySet<string>,
  group: string,
  { kind }: CheckOptions,
): Violation[] {
  return [...published.values()].flatMap(({ id, ackedIndex }): Violation[] => {
    const deliveries = handed.get(id) ?? [];
    if (ackedIndex === Infinity || gone.has(id)) return [];
    if (deliveries.length === 0) return [{ rule: 'lost', id, text: `never delivered to ${group}` }];
    const isDone = kind === 'log' || deliveries.some((one) => one.ackedIndex < Infinity);
    return isDone ? [] : [{ rule: 'lost', id, text: `delivered to ${group}, never acknowledged by it` }];
  });
}

/** Walks each key's deliveries beside the order in which its messages were acknowledged. */
function disorder(
  published: Read['published'],
  handed: ByIds,
  gone: ReadonlySet<string>,
  { kind }: CheckOptions,
): { id: string; after: string }[] {
  const withKey = [...published.values()].filter(({ key }) => key !== '');
  return [...Map.groupBy(withKey, ({ key }) => key).values()].flatMap((messages) => {
    const acknowledged = messages
      .filter(({ id, ackedIndex }) => ackedIndex < Infinity && !gone.has(id))
      .toSorted((left, right) => left.ackedIndex - right.ackedIndex);
    let next = 0;
    // Of those acknowledged before the message at hand was begun, the one that was done with last.
    let latest = { after: '', doneIndex: -1 };
    return messages.flatMap(({ id, invokedIndex }) => {
      for (; ; next += 1) {
        const earlier = acknowledged[next];
        if (!earlier || earlier.ackedIndex > invokedIndex) break;
        const doneIndex = firstDone(handed.get(earlier.id) ?? [], kind);
        if (doneIndex > latest.doneIndex) latest = { after: earlier.id, doneIndex };
      }
      const first = handed.get(id)?.[0];
      return first && first.index < latest.doneIndex ? [{ id, after: latest.after }] : [];
    });
  });
}

/** When the key was free for its next message. What was never delivered is lost, not out of order. */
function firstDone(deliveries: readonly Handed[], kind: CheckOptions['kind']): number {
  const [first] = deliveries;
  if (!first) return -1;
  return kind === 'log' ? first.index : Math.min(...deliveries.map(({ ackSentIndex }) => ackSentIndex));
}

function doubled(handed: ByIds): Violation[] {
  const violations: Violation[] = [];
  for (const [id, deliveries] of handed) {
    for (const [number, later] of deliveries.entries()) {
      if (later.isLate) continue;
      for (const earlier of deliveries.slice(0, number)) {
        if (earlier.deliveryId === later.deliveryId) continue;
        const text = `${later.deliveryId} after ${earlier.deliveryId}`;
        if (earlier.ackedIndex < later.index) violations.push({ rule: 'after ack', id, text });
        else if (earlier.nackIndex > later.index && earlier.deadlineMs > later.at)
          violations.push({
            rule: 'double hand-out',
            id,
            text: `${text}, ${earlier.deadlineMs - later.at} ms early`,
          });
      }
    }
  }
  return violations;
}

function repeated(handed: ByIds): Violation[] {
  return [...handed].flatMap(([id, deliveries]) =>
    deliveries.length > 1 ? [{ rule: 'repeated', id, text: `${deliveries.length} times` } as const] : [],
  );
}
