import { AppError, messageOf } from '@skyarc/lib/errors';
import type { EtcdClient } from '@skyarc/lib/etcd';
import { createLogger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import { Claims } from './claims.ts';
import { Group } from './group.ts';
import type { HandOut, Member } from './member.ts';
import { type Claimable, plan } from './plan.ts';
import type { EarlyClaims } from './publisher.ts';
import { sequenceOf, type Settlement, Settlements, settlingsOf, type Writes } from './settlements.ts';
import type { QueueCache } from './store/cache.ts';
import type { DeliveryRecord } from './store/records.ts';
import type { GroupView } from './store/topic-view.ts';
import { type Changes, renderTransaction, writtenBy } from './transaction.ts';

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

/** The group's cursor moves for so many settled messages, or after so long. */
const cursorRecords = 20;
const cursorPauseMs = 100;
/** How long after a transaction acks that nothing waits for are kept for the next one. */
const restMs = 10;
const log = createLogger('mq');

/**
 * Hands out and settles the messages of one group at this node. All that arrives while a transaction is
 * under way shares the next one, and each transaction compares the revision of everything it changes, so
 * that several nodes may serve the same group.
 */
export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly group: Group;
  private readonly settlements: Settlements;
  private readonly claims: Claims;
  private readonly buried = new Set<string>();
  private committedAtMs = 0;
  private movedAtMs = 0;
  private kicked = false;
  private running = false;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(options: DispatcherOptions) {
    this.options = options;
    this.group = new Group(options);
    this.settlements = new Settlements(this.group);
    this.claims = new Claims({
      group: this.group,
      count: options.count,
      // Best effort: without it the message waits for its deadline.
      release: (deliveryId) => void this.enqueue(deliveryId, { kind: 'release' }).catch(() => undefined),
      onDoubt: () => this.kick(),
    });
  }

  join(member: Member): void {
    this.claims.join(member);
    this.kick();
  }

  /** Hand-outs that the member did not take go back at once. */
  leave(member: Member): void {
    this.claims.leave(member);
  }

  get consumers(): number {
    return this.claims.consumers;
  }

  /** Hand-outs of messages that are about to be published, at most so many, as far as members are free for them. */
  claimEarly(published: () => readonly Claimable[], atMost: number): EarlyClaims | null {
    return this.stopped ? null : this.claims.makeEarly(published, atMost);
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

  private enqueue(deliveryId: string, settlement: Settlement): Promise<void> {
    const settled = this.settlements.add(deliveryId, settlement);
    this.kick();
    return settled;
  }

  private async run(): Promise<void> {
    this.running = true;
    while ((this.kicked || this.settlements.areWaiting) && !this.stopped) {
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
    const { cache, topic: name } = this.options;
    if (!cache.topic(name).isComplete) await cache.catchUp(name);
    const writes = await this.settlements.take();
    const { view } = this.group;
    if (!view || view.cursorRevision === 0) {
      const gone = new AppError('CONFLICT', `Group "${this.options.group}" is gone`);
      for (const { reject } of settlingsOf(writes)) reject(gone);
      return;
    }
    this.claims.follow(view);
    const { capacity, turns } = this.claims;
    const planned = plan(cache.topic(name), view, { capacity, touched: writes, now: Date.now(), turns });
    for (const expired of planned.exhausted) void this.buryExpired(expired);
    const claims = planned.claimable.map((claimable) => this.claims.make(claimable));
    const movesAtMs = this.movedAtMs + cursorPauseMs;
    const canMove = planned.settledTo > view.settledTo;
    // Each move makes other nodes' transactions lose.
    const moves = canMove && (planned.forgotten.length >= cursorRecords || Date.now() >= movesAtMs);
    const nextMs = Math.min(planned.dueMs, this.claims.doubtUntilMs);
    const dueMs = canMove && !moves ? Math.min(nextMs, movesAtMs) : nextMs;
    const restedAtMs = this.committedAtMs + restMs;
    const isPressing = planned.isPressing || claims.length > 0 || moves || Date.now() >= restedAtMs;
    if (!isPressing && canRest(writes)) {
      this.wakeAt(view, this.settlements.rest(writes) ? Math.min(dueMs, restedAtMs) : dueMs);
      return;
    }
    this.wakeAt(view, dueMs);
    if (writes.size === 0 && claims.length === 0 && !moves) return;
    this.committedAtMs = Date.now();
    if (moves) this.movedAtMs = this.committedAtMs;
    await this.commit({ view, writes, claims, move: moves ? planned : null });
  }

  private async commit(changes: Changes): Promise<void> {
    const { cache, etcd, count } = this.options;
    const { writes, claims } = changes;
    const { compare, operations } = renderTransaction(this.group, changes);
    const settlings = settlingsOf(writes);
    let result;
    try {
      result = await etcd.txn(compare, operations);
    } catch (error) {
      for (const { reject } of settlings) reject(error);
      this.claims.doubt(claims);
      throw error;
    }
    if (!result.succeeded) {
      this.claims.drop(claims);
      this.settlements.putBack(writes);
      await cache.refresh(compare.map(({ key }) => key));
      this.kicked = true;
      return;
    }
    cache.applyWritten(result.revision, writtenBy(operations));
    for (const { resolve, settlement } of settlings) {
      if (settlement.kind === 'ack') count('acked', 1);
      if (settlement.kind === 'nack') count('nacked', 1);
      resolve();
    }
    this.claims.confirm(claims);
  }

  private async lastAttempt(deliveryId: string): Promise<HandOut | null> {
    const record = await this.settlements.current(deliveryId);
    if (record === null || record === 'settled' || record.state !== 'out') return null;
    return record.attempt >= record.maxAttempts ? this.handOutOf(sequenceOf(deliveryId), record) : null;
  }

  private handOutOf(sequence: number, record: DeliveryRecord): HandOut | null {
    const message = this.options.cache.topic(this.options.topic).messages.get(sequence);
    const { deliveryId, attempt, untilMs: deadlineMs } = record;
    return message ? { deliveryId, sequence, attempt, message, deadlineMs } : null;
  }

  private async buryExpired(sequence: number): Promise<void> {
    const record = this.group.view?.deliveries.get(sequence);
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
    if (this.stopped || (this.consumers === 0 && firstDueMs === Infinity)) return;
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
function canRest(writes: Writes): boolean {
  return (
    writes.size < cursorRecords && settlingsOf(writes).every(({ settlement }) => settlement.kind === 'ack')
  );
}
