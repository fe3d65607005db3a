import { randomUUID } from 'node:crypto';
import type { EtcdClient, EtcdLease } from '@skyarc/lib/etcd';

const leaseSeconds = 10;

/** Consumers of every topic and group at one node, by `<topic>/<group>`. */
export type ConsumerCounts = Readonly<Record<string, number>>;

export interface PresenceOptions {
  readonly etcd: EtcdClient;
  /** First part of the keys, one for each node. */
  readonly prefix: string;
  /** Those of this node, now. */
  readonly counts: () => ConsumerCounts;
}

/** What each node says of its consumers, in etcd for as long as it lives. */
export class Presence {
  private readonly options: PresenceOptions;
  private readonly node = randomUUID();
  private lease: EtcdLease | undefined;
  private written = '';

  constructor(options: PresenceOptions) {
    this.options = options;
  }

  /** Says what has changed since; a node that had no consumers yet says nothing. */
  async tell(): Promise<void> {
    const { etcd, prefix, counts } = this.options;
    const text = JSON.stringify(counts());
    const isTold = this.lease ? !this.lease.lost.aborted && text === this.written : text === '{}';
    if (isTold) return;
    if (!this.lease || this.lease.lost.aborted) this.lease = await etcd.lease(leaseSeconds);
    await etcd.txn([], [{ type: 'put', key: prefix + this.node, value: text, leaseId: this.lease.id }]);
    this.written = text;
  }

  /** Consumers at all nodes together; those of others as of a moment ago. Throws UNAVAILABLE. */
  async all(): Promise<ReadonlyMap<string, number>> {
    const { etcd, prefix, counts } = this.options;
    const { items } = await etcd.list(prefix);
    const others = items.filter(({ key }) => key !== prefix + this.node);
    const told = others.map(({ value }) => JSON.parse(value.toString()) as ConsumerCounts);
    const sums = new Map<string, number>();
    for (const one of [counts(), ...told])
      for (const [name, count] of Object.entries(one)) sums.set(name, (sums.get(name) ?? 0) + count);
    return sums;
  }

  async stop(): Promise<void> {
    await this.lease?.revoke().catch(() => undefined);
  }
}
