import { AppError, messageOf } from '@skyarc/lib/errors';
import type { Compare, EtcdClient, Operation } from '@skyarc/lib/etcd';
import { createLogger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import type { HandOut, Member } from './member.ts';
import { type Claimable, claimableAtOnce, plan, type Plan } from './plan.ts';
import type { EarlyClaims } from './publisher.ts';
import type { QueueCache } from './store/cache.ts';
import type { CursorRecord, DeliveryRecord } from './store/records.ts';
import type { GroupView } from './store/topic-view.ts';
import { Tokens } from './tokens.ts';
import { Turns } from './turns.ts';

/** What becomes of a delivery. */
export type Settlement =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nack'; readonly delayMs: number; readonly reason: string }
  | { readonly kind: 'extend'; readonly untilMs: number }
  /** It never reached its member. */
  | { readonly kind: 'release' };

interface Settling {
  readonly deliveryId: string;
  readonly settlement: Settlement;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Claim extends Claimable {
  readonly member: Member;
  readonly record: DeliveryRecord;
  /** Whether somebody let its deadline pass. */
  readonly isAgain: boolean;
}

export interface DispatcherOptions {
  readonly etcd: EtcdClient;
  readonly cache: QueueCache;
  readonly topic: string;
  readonly group: string;
  /** Writes a dead letter; the same again changes nothing. */
  readonly bury: (handOut: HandOut, group: string, reason: string) => Promise<void>;
  readonly count: (what: DispatchCount, many: number) => void;
}

/** What is counted of a group. */
export type DispatchCount = 'delivered' | 'acked' | 'nacked' | 'expired';

const maxSettlings = 40;
/** The group's cursor moves for so many settled messages, or after so long. */
const cursorRecords = 20;
const cursorPauseMs = 100;
const restMs = 10;
const log = createLogger('mq');

/**
 * Hands out and settles the messages of one group at this node. All that arrives while a transaction is
 * under way shares the next one, and each transaction compares the revision of everything it changes, so
 * that several nodes may serve the same group.
 */
export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly members = new Set<Member>();
  private settlings: Settling[] = [];
  /** Acks that nothing waits for, until the next transaction or `restMs` after the last one. */
  private resting: Settling[] = [];
  private committedAtMs = 0;
  /** Claims whose transaction was not answered: they are ours if the watch says so. */
  private unsure: Claim[] = [];
  /** Claims that a publisher is writing. */
  private readonly early = new Set<Claim>();
  private readonly buried = new Set<string>();
  private readonly turns = new Turns();
  private readonly tokens = new Tokens();
  private movedAtMs = 0;
  private kicked = false;
  private running = false;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(options: DispatcherOptions) {
    this.options = options;
  }

  join(member: Member): void {
    this.members.add(member);
    this.kick();
  }

  /** Hand-outs that the member did not take go back at once. */
  leave(member: Member): void {
    this.members.delete(member);
    for (const { deliveryId } of member.close()) this.release(deliveryId);
  }

  get consumers(): number {
    return this.members.size;
  }

  /** Hand-outs of messages that are about to be published, at most so many, as far as members are free for them. */
  claimEarly(published: () => readonly Claimable[], atMost: number): EarlyClaims | null {
    const { cache, topic, group } = this.options;
    const { view } = this;
    const capacity = Math.min(this.capacity, atMost);
    if (!view || view.cursorRevision === 0 || capacity <= 0 || this.stopped) return null;
    const free = claimableAtOnce(cache.topic(topic), view, published(), { capacity, now: Date.now() });
    if (free.length === 0) return null;
    const claims = free.map((claimable) => this.claim(claimable));
    for (const claim of claims) this.early.add(claim);
    const ended = (): void => {
      for (const claim of claims) this.early.delete(claim);
    };
    return {
      records: claims.map(({ sequence, record }) => ({
        key: cache.keys.delivery(topic, group, sequence),
        value: JSON.stringify(record),
      })),
      confirm: () => {
        ended();
        this.handOverAll(claims);
      },
      drop: () => {
        ended();
        this.forgetClaims(claims);
      },
      doubt: () => {
        ended();
        this.unsure.push(...claims);
      },
    };
  }

  /** Throws CONFLICT when the message was handed out again meanwhile. Settling twice is harmless. */
  async settle(deliveryId: string, settlement: Settlement): Promise<void> {
    if (settlement.kind === 'nack') {
      const handOut = await this.lastAttempt(deliveryId);
      if (handOut) {
        await this.options.bury(handOut, this.options.group, settlement.reason);
        return this.enqueue(deliveryId, { kind: 'ack' });
      }
    }
    return this.enqueue(deliveryId, settlement);
  }

  /** Something may have changed. */
  kick(): void {
    this.kicked = true;
    if (!this.running && !this.stopped) void this.run();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private get view(): GroupView | undefined {
    return this.options.cache.topic(this.options.topic).groups.get(this.options.group);
  }

  private get capacity(): number {
    return [...this.members].reduce((sum, member) => sum + Math.max(0, member.capacity), 0);
  }

  private enqueue(deliveryId: string, settlement: Settlement): Promise<void> {
    return new Promise((resolve, reject) => {
      this.settlings.push({ deliveryId, settlement, resolve, reject });
      this.kick();
    });
  }

  private release(deliveryId: string): void {
    // Best effort: without it the message waits for its deadline.
    this.enqueue(deliveryId, { kind: 'release' }).catch(() => undefined);
  }

  private async run(): Promise<void> {
    this.running = true;
    while ((this.kicked || this.settlings.length > 0) && !this.stopped) {
      this.kicked = false;
      try {
        await this.round();
      } catch (error) {
        log.warn({ ...this.place(), reason: messageOf(error) }, 'cannot hand out');
        await sleep(100);
        this.kicked = true;
      }
    }
    this.running = false;
  }

  private async round(): Promise<void> {
    const { cache } = this.options;
    if (!cache.topic(this.options.topic).isComplete) await cache.catchUp(this.options.topic);
    const rested = this.resting.splice(0);
    const settlings = [...rested, ...this.settlings.splice(0, maxSettlings - rested.length)];
    const writes = new Map<number, { record: DeliveryRecord; modRevision: number; done?: Settling }>();
    try {
      for (const settling of settlings) await this.evaluate(settling, writes);
    } catch (error) {
      for (const { reject } of settlings) reject(error);
      throw error;
    }
    const { view } = this;
    if (!view || view.cursorRevision === 0) {
      const gone = new AppError('CONFLICT', `Group "${this.options.group}" is gone`);
      for (const { done } of writes.values()) done?.reject(gone);
      return;
    }
    this.confirmUnsure(view);
    for (const member of this.members) prune(member, view, [...this.unsure, ...this.early]);
    const topic = cache.topic(this.options.topic);
    const { capacity, turns } = this;
    const planned = plan(topic, view, { capacity, touched: writes, now: Date.now(), turns });
    for (const expired of planned.exhausted) void this.buryExpired(expired);
    const claims = planned.claimable.map((claimable) => this.claim(claimable));
    const movesAtMs = this.movedAtMs + cursorPauseMs;
    const canMove = planned.settledTo > view.settledTo;
    // Each move makes other nodes' transactions lose.
    const moves = canMove && (planned.forgotten.length >= cursorRecords || Date.now() >= movesAtMs);
    const dueMs = canMove && !moves ? Math.min(planned.dueMs, movesAtMs) : planned.dueMs;
    const restedAtMs = this.committedAtMs + restMs;
    const isPressing = planned.isPressing || claims.length > 0 || moves || Date.now() >= restedAtMs;
    if (!isPressing && canRest(writes)) {
      this.resting = [...writes.values()].flatMap(({ done }) => done ?? []);
      this.wakeAt(view, this.resting.length > 0 ? Math.min(dueMs, restedAtMs) : dueMs);
      return;
    }
    this.wakeAt(view, dueMs);
    if (writes.size === 0 && claims.length === 0 && !moves) return;
    this.committedAtMs = Date.now();
    if (moves) this.movedAtMs = this.committedAtMs;
    await this.commit(view, writes, claims, moves ? planned : null);
  }

  private async commit(
    view: GroupView,
    writes: ReadonlyMap<number, { record: DeliveryRecord; modRevision: number; done?: Settling }>,
    claims: readonly Claim[],
    move: Pick<Plan, 'settledTo' | 'forgotten'> | null,
  ): Promise<void> {
    const { cache, etcd, topic, group } = this.options;
    const keyOf = (sequence: number): string => cache.keys.delivery(topic, group, sequence);
    const cursor = cache.keys.cursor(topic, group);
    const compare: Compare[] = [{ key: cursor, modRevision: view.cursorRevision }];
    const operations: Operation[] = [];
    const put = (sequence: number, record: DeliveryRecord, modRevision: number): void => {
      compare.push({ key: keyOf(sequence), modRevision });
      operations.push({ type: 'put', key: keyOf(sequence), value: JSON.stringify(record) });
    };
    for (const [sequence, write] of writes) put(sequence, write.record, write.modRevision);
    for (const { sequence, record, modRevision } of claims) put(sequence, record, modRevision);
    if (move) {
      const record: CursorRecord = { settledTo: move.settledTo };
      operations.push({ type: 'put', key: cursor, value: JSON.stringify(record) });
      for (const sequence of move.forgotten) operations.push({ type: 'delete', key: keyOf(sequence) });
    }
    const settlings = [...writes.values()].flatMap(({ done }) => done ?? []);
    let result;
    try {
      result = await etcd.txn(compare, operations);
    } catch (error) {
      for (const { reject } of settlings) reject(error);
      this.unsure.push(...claims);
      throw error;
    }
    if (!result.succeeded) {
      this.forgetClaims(claims);
      this.settlings.unshift(...settlings);
      await cache.refresh(compare.map(({ key }) => key));
      this.kicked = true;
      return;
    }
    cache.applyWritten(
      result.revision,
      operations.flatMap((operation) => {
        if (operation.type === 'get') return [];
        const value = operation.type === 'put' ? Buffer.from(operation.value) : null;
        return [{ key: operation.key, value }];
      }),
    );
    for (const { resolve, settlement } of settlings) {
      if (settlement.kind === 'ack') this.options.count('acked', 1);
      if (settlement.kind === 'nack') this.options.count('nacked', 1);
      resolve();
    }
    this.handOverAll(claims);
  }

  /** Turns a settlement into a write, or answers it at once. */
  private async evaluate(
    settling: Settling,
    writes: Map<number, { record: DeliveryRecord; modRevision: number; done?: Settling }>,
  ): Promise<void> {
    const { deliveryId, settlement, resolve, reject } = settling;
    const sequence = sequenceOf(deliveryId);
    if (writes.has(sequence)) {
      this.settlings.push(settling);
      return;
    }
    const record = await this.current(deliveryId);
    const isSettled = record === 'settled' || record?.state === 'settled';
    if (isSettled && settlement.kind === 'ack') resolve();
    else if (record === null || isSettled) {
      reject(new AppError('CONFLICT', `Delivery "${deliveryId}" is settled or was handed out again`));
    } else if (record.state === 'waiting') {
      if (settlement.kind === 'nack') resolve();
      else reject(new AppError('CONFLICT', `Delivery "${deliveryId}" was given back before`));
    } else {
      const { modRevision, ...current } = record;
      writes.set(sequence, {
        record: { ...current, ...changeOf(settlement, current) },
        modRevision,
        done: settling,
      });
    }
  }

  /** The record of a delivery; null when it was handed out again, `settled` when it is forgotten. */
  private async current(deliveryId: string) {
    const sequence = sequenceOf(deliveryId);
    for (let isFresh = false; ; isFresh = true) {
      const { view } = this;
      const record = view?.deliveries.get(sequence);
      if (record?.deliveryId === deliveryId) return record;
      if (view && sequence <= view.settledTo) return 'settled';
      if (isFresh) return null;
      const { cache, topic, group } = this.options;
      await cache.refresh([cache.keys.delivery(topic, group, sequence), cache.keys.cursor(topic, group)]);
    }
  }

  private async lastAttempt(deliveryId: string): Promise<HandOut | null> {
    const record = await this.current(deliveryId);
    if (record === null || record === 'settled' || record.state !== 'out') return null;
    return record.attempt >= record.maxAttempts ? this.handOutOf(sequenceOf(deliveryId), record) : null;
  }

  private handOutOf(sequence: number, record: DeliveryRecord): HandOut | null {
    const message = this.options.cache.topic(this.options.topic).messages.get(sequence);
    const { deliveryId, attempt, untilMs: deadlineMs } = record;
    return message ? { deliveryId, sequence, attempt, message, deadlineMs } : null;
  }

  private claim(claimable: Claimable): Claim {
    const now = Date.now();
    const member = [...this.members].reduce((best, each) =>
      each.rankAt(now) > best.rankAt(now) ? each : best,
    );
    const deliveryId = `${claimable.sequence}-${this.tokens.next()}`;
    const { ackDeadlineMs, maxAttempts } = member.options;
    member.inFlight.set(claimable.sequence, deliveryId);
    const untilMs = Date.now() + ackDeadlineMs;
    const { attempt, sequence } = claimable;
    return {
      ...claimable,
      member,
      isAgain: this.view?.deliveries.get(sequence)?.state === 'out',
      record: { state: 'out', deliveryId, attempt, untilMs, maxAttempts, reason: '' },
    };
  }

  private handOverAll(claims: readonly Claim[]): void {
    this.options.count('delivered', claims.length);
    this.options.count('expired', claims.filter(({ isAgain }) => isAgain).length);
    for (const claim of claims) {
      this.turns.take(claim);
      this.handOver(claim);
    }
  }

  private forgetClaims(claims: readonly Claim[]): void {
    for (const { member, sequence } of claims) member.inFlight.delete(sequence);
  }

  private handOver({ member, sequence, record, message }: Claim): void {
    const { deliveryId, attempt, untilMs } = record;
    if (!member.deliver({ deliveryId, sequence, attempt, message, deadlineMs: untilMs }))
      this.release(deliveryId);
  }

  private confirmUnsure(view: GroupView): void {
    const now = Date.now();
    const open = this.unsure;
    this.unsure = [];
    for (const claim of open) {
      const isOurs = view.deliveries.get(claim.sequence)?.deliveryId === claim.record.deliveryId;
      if (isOurs) this.handOver(claim);
      else if (claim.record.untilMs > now) this.unsure.push(claim);
    }
  }

  private async buryExpired(sequence: number): Promise<void> {
    const record = this.view?.deliveries.get(sequence);
    const handOut = record && this.handOutOf(sequence, record);
    if (!handOut || this.buried.has(handOut.deliveryId)) return;
    this.buried.add(handOut.deliveryId);
    try {
      await this.options.bury(handOut, this.options.group, 'the ack deadline passed');
      await this.enqueue(handOut.deliveryId, { kind: 'ack' });
    } catch (error) {
      log.warn({ ...this.place(), sequence, reason: messageOf(error) }, 'cannot write a dead letter');
      setTimeout(() => this.kick(), 5_000).unref();
    } finally {
      this.buried.delete(handOut.deliveryId);
    }
  }

  private wakeAt(view: GroupView, firstDueMs: number): void {
    clearTimeout(this.timer);
    if (this.stopped || (this.members.size === 0 && firstDueMs === Infinity)) return;
    const now = Date.now();
    let dueMs = firstDueMs;
    for (const { state, untilMs } of view.deliveries.values()) {
      if (state !== 'settled' && untilMs > now) dueMs = Math.min(dueMs, untilMs);
    }
    if (dueMs === Infinity) return;
    const waitMs = Math.min(Math.max(dueMs - now, 0) + 1, 60_000);
    this.timer = setTimeout(() => this.kick(), waitMs);
  }

  private place(): { topic: string; group: string } {
    return { topic: this.options.topic, group: this.options.group };
  }
}

/** Whether these may wait a moment for others to share their transaction: acks that nobody's turn depends on. */
function canRest(writes: ReadonlyMap<number, { done?: Settling }>): boolean {
  return (
    writes.size < cursorRecords && [...writes.values()].every(({ done }) => done?.settlement.kind === 'ack')
  );
}

/** Forgets what a member has no more, and remembers that it let a deadline pass. */
function prune(member: Member, view: GroupView, open: readonly Claim[]): void {
  const now = Date.now();
  for (const [sequence, deliveryId] of member.inFlight) {
    const record = view.deliveries.get(sequence);
    const isSame = record?.deliveryId === deliveryId;
    const isOut = isSame && record.state === 'out' && record.untilMs > now;
    if (record && (!isSame || (record.state === 'out' && !isOut))) member.lapse(now);
    if (!isOut && !open.some((claim) => claim.record.deliveryId === deliveryId))
      member.inFlight.delete(sequence);
  }
}

function changeOf(settlement: Settlement, record: DeliveryRecord): Partial<DeliveryRecord> {
  const now = Date.now();
  switch (settlement.kind) {
    case 'ack':
      return { state: 'settled', reason: '' };
    case 'nack':
      return { state: 'waiting', untilMs: now + settlement.delayMs, reason: settlement.reason };
    case 'extend':
      return { untilMs: settlement.untilMs };
    case 'release':
      return { state: 'waiting', untilMs: now, attempt: record.attempt - 1 };
  }
}

function sequenceOf(deliveryId: string): number {
  return Number.parseInt(deliveryId, 10);
}
