import { AppError, messageOf } from '@skyarc/lib/errors';
import type { EtcdClient, EtcdLease } from '@skyarc/lib/etcd';
import { createLogger } from '@skyarc/lib/log';
import { repeat } from '@skyarc/lib/retry';

export interface Member {
  readonly name: string;
  readonly url: string;
  readonly alive: boolean;
  /**
   * Of a member that is away: sequences at or above `lostGeneration * 2^32` are not its own, whatever it
   * wrote before. Undefined until that is agreed.
   */
  readonly lostGeneration?: number;
}

export interface View {
  /** Revision of etcd at which this was true; later views have higher ones. */
  readonly revision: number;
  /** Everyone that ever belonged to the cluster, by name. */
  readonly members: readonly Member[];
}

export interface MembersOptions {
  readonly etcd: EtcdClient;
  /** Keys begin with it. */
  readonly prefix: string;
  readonly name: string;
  readonly leaseSeconds: number;
  readonly refreshMs: number;
  /** The lease is lost: nothing that belongs to the cluster may be written any more. */
  readonly onFenced: () => void;
  /** The view may have changed. */
  readonly onView: () => void;
}

const log = createLogger('eventlog');

/** Who belongs to the cluster, as etcd says: `nodes/` for ever, `alive/` as long as a lease is kept. */
export class Members {
  private readonly options: MembersOptions;
  private lease: EtcdLease | undefined;
  private url = '';
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  view: View = { revision: 0, members: [] };

  constructor(options: MembersOptions) {
    this.options = options;
  }

  /** Joins; resolves once the others can see it and the address where they reach it. */
  async start(url: string): Promise<void> {
    this.url = url;
    await this.join();
    await this.refresh();
    this.running = this.keep();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.lease?.revoke().catch(() => undefined);
  }

  /** False while this node's lease is not certain. */
  get isMember(): boolean {
    return this.lease !== undefined && !this.lease.lost.aborted;
  }

  get aliveNames(): readonly string[] {
    return this.view.members.filter(({ alive }) => alive).map(({ name }) => name);
  }

  /** Looks at etcd now. Throws UNAVAILABLE. */
  async refresh(): Promise<void> {
    const { etcd, prefix } = this.options;
    const { items, revision } = await etcd.list(prefix, { limit: 10_000 });
    const values = new Map(items.map(({ key, value }) => [key.slice(prefix.length), value.toString()]));
    const members = [...values].flatMap(([key, url]): Member[] => {
      if (!key.startsWith('nodes/')) return [];
      const name = key.slice('nodes/'.length);
      const lost = values.get(`lost/${name}`);
      const alive = values.has(`alive/${name}`);
      return [{ name, url, alive, ...(lost && !alive ? { lostGeneration: Number(lost) } : {}) }];
    });
    if (revision >= this.view.revision) this.view = { revision, members };
    this.options.onView();
    for (const { name, alive, lostGeneration } of members)
      if (!alive && lostGeneration === undefined) await this.agreeOnLoss(name);
  }

  /** Streams that were removed while this node was away. */
  async takeRemovals(): Promise<string[]> {
    const prefix = `${this.options.prefix}removed/${this.options.name}/`;
    const { items } = await this.options.etcd.list(prefix, { limit: 10_000 });
    return items.map(({ key }) => key.slice(prefix.length));
  }

  async noteRemoval(name: string, stream: string): Promise<void> {
    await this.options.etcd.put(`${this.options.prefix}removed/${name}/${stream}`, '');
  }

  async forgetRemoval(stream: string): Promise<void> {
    await this.options.etcd.delete(`${this.options.prefix}removed/${this.options.name}/${stream}`);
  }

  private async join(): Promise<void> {
    const { url } = this;
    const { etcd, prefix, name, leaseSeconds, onFenced } = this.options;
    const lease = await etcd.lease(leaseSeconds);
    lease.lost.addEventListener('abort', onFenced, { once: true });
    await etcd.txn(
      [],
      [
        { type: 'put', key: `${prefix}nodes/${name}`, value: url },
        { type: 'put', key: `${prefix}alive/${name}`, value: url, leaseId: lease.id },
        { type: 'delete', key: `${prefix}lost/${name}` },
      ],
    );
    this.lease = lease;
  }

  private keep(): Promise<void> {
    const look = async (): Promise<void> => {
      if (!this.isMember) await this.join();
      await this.refresh();
    };
    return repeat(look, {
      everyMs: this.options.refreshMs,
      signal: this.stopping.signal,
      restsFirst: true,
      onError: (error) => log.warn({ reason: messageOf(error) }, 'cannot see the cluster'),
    });
  }

  /** One number for the loss of a member, higher than all before it; whoever is first writes it. */
  private async agreeOnLoss(name: string): Promise<void> {
    const { etcd, prefix } = this.options;
    const key = `${prefix}generation`;
    const known = await etcd.get(key);
    const next = String(Number(known?.value.toString() ?? 0) + 1);
    if (Number(next) > maxGenerations)
      throw new AppError('EXHAUSTED', 'The event log has no generation left');
    await etcd.txn(
      [
        { key, modRevision: known?.modRevision ?? 0 },
        { key: `${prefix}lost/${name}`, modRevision: 0 },
        { key: `${prefix}alive/${name}`, modRevision: 0 },
      ],
      [
        { type: 'put', key, value: next },
        { type: 'put', key: `${prefix}lost/${name}`, value: next },
      ],
    );
  }
}

/** Each leaves room for 2^32 lines of a stream below 2^53. */
const maxGenerations = 2 ** 21 - 1;
export const generationSpan = 2 ** 32;
