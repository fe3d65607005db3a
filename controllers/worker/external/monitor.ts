import type { ExternalState } from '@skyarc/lib/contracts';
import { sleep } from '@skyarc/lib/retry';
import type { OfferedEndpoint } from '../render/external.ts';
import { checkEndpoint } from './check.ts';
import { type Health, nextHealth, unknownHealth } from './health.ts';
import type { ExternalSpec } from './record.ts';
import { resolveEndpoint } from './resolve.ts';

/** Names are looked up again after so long. */
const resolveEveryMs = 30_000;

interface Watched {
  readonly host: string;
  readonly port: number;
  address: string | null;
  problem: string | null;
  resolvedAtMs: number;
  health: Health;
}

/** Watches the endpoints of one third-party app. */
export class ExternalMonitor {
  readonly spec: ExternalSpec;
  private readonly allowPrivate: boolean;
  private readonly watched: readonly Watched[];
  private readonly stopping = new AbortController();
  private loops: Promise<unknown> = Promise.resolve();

  constructor(spec: ExternalSpec, { allowPrivate }: { readonly allowPrivate: boolean }) {
    this.spec = spec;
    this.allowPrivate = allowPrivate;
    this.watched = spec.service.endpoints.map(({ host, port }) => ({
      host,
      port,
      address: null,
      problem: null,
      resolvedAtMs: 0,
      health: unknownHealth,
    }));
  }

  /** Looks at every endpoint once. */
  async look(): Promise<void> {
    await Promise.all(this.watched.map((each) => this.lookAt(each)));
  }

  /** Goes on looking, and tells of each change. */
  start(onChange: () => void): void {
    this.loops = Promise.all(this.watched.map((each) => this.follow(each, onChange)));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loops;
  }

  get state(): ExternalState {
    return this.watched.map(({ host, port, problem, health }) => ({
      host,
      port,
      healthy: problem === null ? health.healthy : false,
      message: problem ?? health.message,
    }));
  }

  /** Healthy ones are ready. When none is, the one that was healthy last stays, as a check may err where an app does not. */
  get offered(): OfferedEndpoint[] {
    const [last] = this.watched
      .filter(({ address }) => address !== null)
      .toSorted((a, b) => b.health.goodAtMs - a.health.goodAtMs);
    const isAny = this.watched.some(isGood);
    return this.watched.map((each) => ({
      host: each.host,
      port: each.port,
      address: each.address,
      isReady: isAny ? isGood(each) : each === last,
    }));
  }

  private async follow(each: Watched, onChange: () => void): Promise<void> {
    const { signal } = this.stopping;
    const { healthCheck } = this.spec.service;
    const everyMs = (healthCheck?.periodSeconds ?? 30) * 1_000;
    while (!signal.aborted) {
      const before = shown(each);
      await this.lookAt(each);
      if (signal.aborted) return;
      if (shown(each) !== before) onChange();
      await sleep(everyMs, signal).catch(() => undefined);
    }
  }

  private async lookAt(each: Watched): Promise<void> {
    const nowMs = Date.now();
    if (nowMs - each.resolvedAtMs > resolveEveryMs) {
      const { address, problem } = await resolveEndpoint(each.host, { allowPrivate: this.allowPrivate });
      each.resolvedAtMs = nowMs;
      // A name that is not known for a while keeps its last address, and its health tells the rest.
      each.address = address ?? each.address;
      each.problem = each.address === null ? problem : null;
    }
    const probe = this.spec.service.healthCheck ?? null;
    if (!each.address || !probe) return;
    const problem = await checkEndpoint({ host: each.host, address: each.address, port: each.port }, probe);
    each.health = nextHealth(each.health, { problem, nowMs, probe });
  }
}

function isGood({ address, health }: Watched): boolean {
  return address !== null && health.healthy !== false;
}

function shown({ address, problem, health }: Watched): string {
  return JSON.stringify([address, problem, health.healthy, health.message]);
}
