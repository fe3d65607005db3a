import { type Change, Subscription } from './subscription.ts';
import { type Kind, kinds, type Resource, type Snapshot } from './types.ts';

/** What a client says of a response: nothing (a first word), that it took it, or why not. */
export interface Answer {
  readonly nonce: string;
  readonly version: string;
  readonly refusal: string | undefined;
}

export interface SessionOptions {
  readonly snapshot: Snapshot;
  /** Writes a response of that kind; `full` are all resources that the client wants of it. */
  readonly send: (response: Response) => void;
  /** Whether the variant of the protocol has words for the removal of such resources. */
  readonly tellsRemoval: (kind: Kind) => boolean;
  readonly onRefusal: (kind: Kind, message: string) => void;
}

export interface Response extends Change {
  readonly kind: Kind;
  readonly nonce: string;
  readonly version: string;
  readonly full: () => Resource[];
}

/**
 * What one stream is told, whichever variant of the protocol it speaks. Kinds go in the order of make before
 * break; at most one response of a kind is under way, and what comes after it in the order waits for it. Clusters
 * that are no longer named stay until the client has taken the routes that no longer name them.
 */
export class Session {
  private readonly options: SessionOptions;
  private readonly subscriptions = new Map<Kind, Subscription>();
  private snapshot: Snapshot;
  private readonly retained = {
    clusters: new Map<string, Resource>(),
    endpoints: new Map<string, Resource>(),
  };
  private readonly lastNonces = new Map<Kind, string>();
  /** Kinds whose newest response the client did not take. */
  private readonly refused = new Set<Kind>();
  /** Endpoints of clusters that were sent, which are to be sent after them. */
  private readonly awaited = new Set<string>();
  private nonces = 0;

  constructor(options: SessionOptions) {
    this.options = options;
    this.snapshot = options.snapshot;
  }

  list(): Iterable<Subscription> {
    return this.subscriptions.values();
  }

  find(kind: Kind): Subscription | undefined {
    return this.subscriptions.get(kind);
  }

  /** The subscription of a kind, begun when there is none. */
  open(kind: Kind): Subscription {
    const found = this.subscriptions.get(kind) ?? new Subscription(kind);
    this.subscriptions.set(kind, found);
    return found;
  }

  /** False for an answer to a response that is not the newest one: it says nothing of value. */
  hear(subscription: Subscription, { nonce, version, refusal }: Answer): boolean {
    if (nonce === '') return true;
    const { kind } = subscription;
    if (nonce !== this.lastNonces.get(kind)) return false;
    if (subscription.pendingNonce === null) return true;
    subscription.pendingNonce = null;
    if (refusal === undefined) {
      subscription.acceptedVersion = version;
      this.refused.delete(kind);
      if (kind === 'clusters') this.subscriptions.get('endpoints')?.askAgain(this.awaited);
    } else {
      this.refused.add(kind);
      if (kind === 'clusters') this.awaited.clear();
      this.options.onRefusal(kind, refusal);
    }
    return true;
  }

  /** Only the named endpoints may differ when they are given. */
  update(snapshot: Snapshot, endpoints?: ReadonlySet<string>): void {
    if (!endpoints) this.retain(snapshot);
    this.snapshot = snapshot;
    if (endpoints) this.subscriptions.get('endpoints')?.doubt(endpoints);
    else for (const subscription of this.subscriptions.values()) subscription.doubt(null);
    this.settle();
  }

  /** Sends what is due, in order. */
  settle(): void {
    this.pump();
    if (this.release()) this.pump();
  }

  resources(kind: Kind): ReadonlyMap<string, Resource> {
    const current = this.snapshot[kind];
    const kept = kind === 'clusters' || kind === 'endpoints' ? this.retained[kind] : undefined;
    return kept && kept.size > 0 ? new Map([...kept, ...current]) : current;
  }

  private pump(): void {
    for (const kind of kinds) {
      const subscription = this.subscriptions.get(kind);
      if (!subscription?.isDoubtful) continue;
      if (subscription.pendingNonce !== null) return;
      if (this.isBusyWithClusters(kind)) return;
      const resources = this.resources(kind);
      const { updated, removed } = subscription.take(resources);
      const isTold = this.options.tellsRemoval(kind) ? removed.length > 0 : false;
      if (updated.length === 0 && !isTold) continue;
      const nonce = String((this.nonces += 1));
      subscription.pendingNonce = nonce;
      this.lastNonces.set(kind, nonce);
      this.noteSent(kind, updated);
      const full = (): Resource[] => subscription.wanted(resources);
      this.options.send({ kind, nonce, version: subscription.version, updated, removed, full });
    }
  }

  /**
   * Envoy, which has all clusters, asks for their endpoints once it has taken them, and a route that leads to a
   * cluster before that would answer 503; so endpoints wait for the clusters' acceptance, and what names clusters
   * waits for the endpoints. gRPC asks for clusters when a route names them, and waits itself.
   */
  private isBusyWithClusters(kind: Kind): boolean {
    const clusters = this.subscriptions.get('clusters');
    if (!clusters?.isWildcard || kind === 'clusters') return false;
    if (clusters.pendingNonce !== null) return true;
    return kind !== 'endpoints' && [...this.awaited].some((name) => this.snapshot.endpoints.has(name));
  }

  /** A cluster that comes, or comes again, has no endpoints until they are sent after it. */
  private noteSent(kind: Kind, updated: readonly Resource[]): void {
    for (const { name, endpoints } of updated) {
      if (kind === 'endpoints') this.awaited.delete(name);
      else if (kind === 'clusters' && endpoints !== undefined) this.awaited.add(endpoints);
    }
  }

  private retain(next: Snapshot): void {
    for (const kind of ['clusters', 'endpoints'] as const) {
      const kept = this.retained[kind];
      for (const name of kept.keys()) if (next[kind].has(name)) kept.delete(name);
      for (const resource of this.subscriptions.get(kind)?.sentResources() ?? []) {
        if (!next[kind].has(resource.name)) kept.set(resource.name, resource);
      }
    }
  }

  /** True when something is to go now: nothing that the client has taken can name it any more. */
  private release(): boolean {
    const { clusters, endpoints } = this.retained;
    if (clusters.size === 0 && endpoints.size === 0) return false;
    const isOpen = (['listeners', 'routes'] as const).some((kind) => {
      const subscription = this.subscriptions.get(kind);
      return (
        subscription !== undefined &&
        (subscription.isDoubtful || subscription.pendingNonce !== null || this.refused.has(kind))
      );
    });
    if (isOpen) return false;
    for (const kind of ['clusters', 'endpoints'] as const) {
      this.subscriptions.get(kind)?.doubt(this.retained[kind].keys());
      this.retained[kind].clear();
    }
    return true;
  }
}
