import { labels, managedByValue } from '@skyarc/lib/contracts';
import { Informer, type KubeClient, type KubeObject, type Resource } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';

export interface AppChange {
  readonly appId: string;
  readonly team: string;
  readonly resource: Resource;
  /** True when what is wanted of the object changed, or it went; false for status alone. */
  readonly isSpec: boolean;
}

const followed = [
  'pods',
  'deployments',
  'statefulsets',
  'cronjobs',
  'jobs',
  'services',
  'horizontalpodautoscalers',
  'ingresses',
  'secrets',
  'persistentvolumeclaims',
] as const;

/** Tells of each change of any object of any app. */
export class AppWatch {
  private readonly informers;
  private readonly listeners = new Set<(change: AppChange) => void>();

  constructor(kube: KubeClient, log: Logger) {
    const labelSelector = `${labels.managedBy}=${managedByValue},${labels.appId}`;
    this.informers = followed.map((resource) => {
      const informer = new Informer(kube, resource, { log, labelSelector });
      informer.onChange((now, before) => this.tell(resource, now, before));
      return informer;
    });
  }

  /** Does not wait for the cluster. */
  start(): void {
    for (const informer of this.informers) void informer.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.informers.map((informer) => informer.stop()));
  }

  /** Milliseconds since the cluster last answered. */
  get silenceMs(): number {
    return Math.max(...this.informers.map((informer) => informer.silenceMs));
  }

  onChange(listener: (change: AppChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Resolves at the app's next change, at the latest after the time; rejects when the signal fires. */
  async next(appId: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => reject(signal.reason as Error);
    const timer = setTimeout(resolve, timeoutMs);
    const stopListening = this.onChange((change) => {
      if (change.appId === appId) resolve();
    });
    signal.addEventListener('abort', abort, { once: true });
    try {
      signal.throwIfAborted();
      await promise;
    } finally {
      clearTimeout(timer);
      stopListening();
      signal.removeEventListener('abort', abort);
    }
  }

  private tell(resource: Resource, now: KubeObject | undefined, before: KubeObject | undefined): void {
    const known = (now ?? before)?.metadata?.labels ?? {};
    const appId = known[labels.appId];
    if (!appId) return;
    const { generation, resourceVersion } = now?.metadata ?? {};
    // Kinds without a generation have no status that changes.
    const isSpec =
      !now ||
      (generation === undefined ? resourceVersion : generation) !==
        (generation === undefined ? before?.metadata?.resourceVersion : before?.metadata?.generation);
    const change = { appId, team: known[labels.team] ?? '', resource, isSpec };
    for (const listener of this.listeners) listener(change);
  }
}
