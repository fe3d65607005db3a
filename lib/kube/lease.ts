import { AppError, isNotFound, messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import { isAlreadyExists, type KubeClient } from './client.ts';
import type { KindTable } from './kinds.ts';

type Lease = KindTable['leases'];

export interface LeaderOptions {
  /** Of the Lease; its namespace must exist. */
  readonly name: string;
  readonly namespace: string;
  /** Unique for each process. */
  readonly identity: string;
  /** A leader that was not heard of for so long is replaced. */
  readonly leaseSeconds: number;
  readonly log: Logger;
  /** The greatest token that was ever given out, from elsewhere, should the Lease itself be lost. */
  readonly lastToken?: () => Promise<number>;
  /** Done while leading; its end, or the signal's, ends the term. May fail: the term ends and is begun anew. */
  readonly lead: (term: Term) => Promise<void>;
}

/** A time of leading. */
export interface Term {
  /** Greater than that of every earlier term: lets what is written refuse a leader of the past. */
  readonly token: number;
  /** Fires when the term is over. */
  readonly signal: AbortSignal;
  /** Throws CONFLICT when another may lead by now, also before the signal fires (a process that was stopped). */
  check(): void;
}

/**
 * Leadership by a Lease (coordination.k8s.io): at most one process believes to lead as long as clocks run at
 * about the same speed; no clock is compared with another's. What a leader does to the outside must be fenced
 * by its token all the same: a process may be stopped between a check and an act.
 */
export class LeaderElection {
  private readonly kube: KubeClient;
  private readonly options: LeaderOptions;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private term: LeaseTerm | undefined;
  /** The state of another's Lease, and when we saw it first. */
  private seen = { version: '', atMs: 0 };

  constructor(kube: KubeClient, options: LeaderOptions) {
    this.kube = kube;
    this.options = options;
  }

  get isLeading(): boolean {
    return this.term?.isValid ?? false;
  }

  start(): void {
    this.running = this.run();
  }

  /** Ends the term, when there is one, and gives the Lease back. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const everyMs = (this.options.leaseSeconds * 1_000) / 5;
    let isTold = false;
    while (!signal.aborted) {
      try {
        const term = await this.acquire();
        isTold = false;
        if (term) await this.hold(term);
      } catch (error) {
        if (!isTold) this.options.log.warn({ reason: messageOf(error) }, 'cannot ask for the lease');
        isTold = true;
      }
      await sleep(everyMs, signal).catch(() => undefined);
    }
  }

  private async acquire(): Promise<LeaseTerm | undefined> {
    const { name, namespace, identity, leaseSeconds, lastToken } = this.options;
    const live = await this.kube.find('leases', name, namespace);
    if (live && !this.isFree(live)) return undefined;
    const token = Math.max(live?.spec?.leaseTransitions ?? 0, (await lastToken?.()) ?? 0) + 1;
    const askedAt = performance.now();
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: leaseSeconds,
      acquireTime: microTime(),
      renewTime: microTime(),
      leaseTransitions: token,
    };
    try {
      const { resourceVersion } = live?.metadata ?? {};
      const lease = live
        ? await this.kube.patch('leases', { name, namespace }, { metadata: { resourceVersion }, spec })
        : await this.kube.create('leases', { metadata: { name, namespace }, spec });
      return new LeaseTerm({ token, askedAt, leaseSeconds, version: lease.metadata?.resourceVersion ?? '' });
    } catch (error) {
      if (isConflict(error) || isAlreadyExists(error) || isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** True when nobody holds it, or its holder was silent for its whole duration while we watched. */
  private isFree({ metadata, spec }: Lease): boolean {
    if (!spec?.holderIdentity) return true;
    const version = metadata?.resourceVersion ?? '';
    if (this.seen.version !== version) this.seen = { version, atMs: performance.now() };
    const durationMs = (spec.leaseDurationSeconds ?? this.options.leaseSeconds) * 1_000;
    return performance.now() - this.seen.atMs > durationMs;
  }

  private async hold(term: LeaseTerm): Promise<void> {
    const { lead, log } = this.options;
    this.term = term;
    log.info({ token: term.token }, 'leads');
    const work = lead(term).catch((error: unknown) => {
      if (!term.signal.aborted) log.warn({ reason: messageOf(error) }, 'a term of leading failed');
    });
    void work.then(() => term.end());
    await this.renew(term);
    term.end();
    await work;
    this.term = undefined;
    log.info({ token: term.token }, 'leads no more');
    await this.release(term).catch(() => undefined);
  }

  /** Until the term is over. */
  private async renew(term: LeaseTerm): Promise<void> {
    const { name, namespace, leaseSeconds } = this.options;
    const signal = AbortSignal.any([term.signal, this.stopping.signal]);
    while (!signal.aborted && term.isValid) {
      await sleep((leaseSeconds * 1_000) / 5, signal).catch(() => undefined);
      if (signal.aborted) return;
      const askedAt = performance.now();
      try {
        const lease = await this.kube.patch(
          'leases',
          { name, namespace },
          { metadata: { resourceVersion: term.version }, spec: { renewTime: microTime() } },
        );
        term.renewed(askedAt, lease.metadata?.resourceVersion ?? '');
      } catch (error) {
        // Somebody else wrote to it, or it is gone; what is only out of reach may come back in time.
        if (isConflict(error) || isNotFound(error)) return;
      }
    }
  }

  /** The next leader need not wait. */
  private async release({ version }: LeaseTerm): Promise<void> {
    const { name, namespace } = this.options;
    await this.kube.patch(
      'leases',
      { name, namespace },
      { metadata: { resourceVersion: version }, spec: { holderIdentity: null, leaseDurationSeconds: 1 } },
    );
  }
}

class LeaseTerm implements Term {
  readonly token: number;
  /** Resource version of the Lease as we wrote it last. */
  version: string;
  private readonly validMs: number;
  private readonly over = new AbortController();
  private renewedAt: number;

  constructor(made: { token: number; askedAt: number; leaseSeconds: number; version: string }) {
    this.token = made.token;
    this.version = made.version;
    this.renewedAt = made.askedAt;
    // Others wait for the whole duration, so we are gone well before.
    this.validMs = made.leaseSeconds * 1_000 * (2 / 3);
  }

  get signal(): AbortSignal {
    return this.over.signal;
  }

  get isValid(): boolean {
    return !this.over.signal.aborted && performance.now() - this.renewedAt < this.validMs;
  }

  check(): void {
    if (this.isValid) return;
    this.end();
    throw new AppError('CONFLICT', 'Another may lead by now');
  }

  renewed(askedAt: number, version: string): void {
    this.renewedAt = askedAt;
    this.version = version;
  }

  end(): void {
    this.over.abort();
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof AppError && error.code === 'CONFLICT';
}

/** MicroTime of Kubernetes: six digits of a second. */
function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
