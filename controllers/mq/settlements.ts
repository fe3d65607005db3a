import { AppError } from '@skyarc/lib/errors';
import type { Group } from './group.ts';
import type { DeliveryRecord } from './store/records.ts';

/** What becomes of a delivery. */
export type Settlement =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nack'; readonly delayMs: number; readonly reason: string }
  | { readonly kind: 'extend'; readonly untilMs: number }
  /** It never reached its member. */
  | { readonly kind: 'release' };

export interface Settling {
  readonly deliveryId: string;
  readonly settlement: Settlement;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface Write {
  readonly record: DeliveryRecord;
  readonly modRevision: number;
  readonly done: Settling;
}

/** Changes of delivery records by sequence. */
export type Writes = ReadonlyMap<number, Write>;

const maxSettlings = 40;

/** Settlements that wait for the next transaction of their group. */
export class Settlements {
  private readonly group: Group;
  private waiting: Settling[] = [];
  /** Acks that nothing waits for. */
  private resting: Settling[] = [];

  constructor(group: Group) {
    this.group = group;
  }

  get areWaiting(): boolean {
    return this.waiting.length > 0;
  }

  /** Resolves once it is durable. Throws CONFLICT when the message was handed out again meanwhile. */
  add(deliveryId: string, settlement: Settlement): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ deliveryId, settlement, resolve, reject });
    });
  }

  /** As many as one transaction takes, as changes of records; what needs none is answered at once. */
  async take(): Promise<Writes> {
    const rested = this.resting.splice(0);
    const settlings = [...rested, ...this.waiting.splice(0, maxSettlings - rested.length)];
    const writes = new Map<number, Write>();
    try {
      for (const settling of settlings) await this.evaluate(settling, writes);
    } catch (error) {
      for (const { reject } of settlings) reject(error);
      throw error;
    }
    return writes;
  }

  /** Their transaction lost: they come first in the next one. */
  putBack(writes: Writes): void {
    this.waiting.unshift(...settlingsOf(writes));
  }

  /** They may wait for others to share their transaction; answers whether there are any. */
  rest(writes: Writes): boolean {
    this.resting = settlingsOf(writes);
    return this.resting.length > 0;
  }

  /** The record of a delivery; null when it was handed out again, `settled` when it is forgotten. */
  async current(deliveryId: string) {
    const { group } = this;
    const sequence = sequenceOf(deliveryId);
    for (let isFresh = false; ; isFresh = true) {
      const { view } = group;
      const record = view?.deliveries.get(sequence);
      if (record?.deliveryId === deliveryId) return record;
      if (view && sequence <= view.settledTo) return 'settled';
      if (isFresh) return null;
      await group.cache.refresh([group.deliveryKey(sequence), group.cursorKey]);
    }
  }

  /** Turns a settlement into a write, or answers it at once. */
  private async evaluate(settling: Settling, writes: Map<number, Write>): Promise<void> {
    const { deliveryId, settlement, resolve, reject } = settling;
    const sequence = sequenceOf(deliveryId);
    if (writes.has(sequence)) {
      this.waiting.push(settling);
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
      const changed = { ...current, ...changeOf(settlement, current) };
      writes.set(sequence, { record: changed, modRevision, done: settling });
    }
  }
}

export function settlingsOf(writes: Writes): Settling[] {
  return [...writes.values()].map(({ done }) => done);
}

export function sequenceOf(deliveryId: string): number {
  return Number.parseInt(deliveryId, 10);
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
