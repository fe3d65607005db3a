import type { DataCenterDatabase, DataCenterTransaction } from './open.ts';

export interface OutboxTask {
  /** Message id in the queue: the same id is published once, however often it is tried. */
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  /** Tasks of a topic are handed out lane by lane in turn; absent: the topic has one. */
  readonly lane?: string;
  readonly body: unknown;
}

export type PublishTask = (task: {
  topic: string;
  messageId: string;
  key: string;
  lane: string;
  body: unknown;
}) => Promise<unknown>;

/** Writes a task down in the transaction that makes it due; `relayOutbox` carries it to the queue. */
export async function enqueue(tx: DataCenterTransaction, task: OutboxTask): Promise<void> {
  const { id, topic, key, lane, body } = task;
  await tx.outbox.upsert({
    where: { id },
    create: { id, topic, key, lane, body: JSON.stringify(body) },
    update: {},
  });
}

/**
 * Publishes what is due, oldest first, and removes it; answers how many. Stops at the first failure by
 * throwing it, and the rest stays for the next call. Safe to run in several processes at once, because
 * publishing is idempotent by id.
 */
export async function relayOutbox(db: DataCenterDatabase, publish: PublishTask): Promise<number> {
  const due = await db.outbox.findMany({ orderBy: { createdAt: 'asc' }, take: 100 });
  for (const { id, topic, key, lane, body } of due) {
    await publish({ topic, messageId: id, key, lane, body: JSON.parse(body) });
    await db.outbox.deleteMany({ where: { id } });
  }
  return due.length;
}
