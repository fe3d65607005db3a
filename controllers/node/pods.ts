import { labels, managedByValue } from '@skyarc/lib/contracts';
import { Informer, type KubeClient, type Wire } from '@skyarc/lib/kube';
import type { V1Pod } from '@kubernetes/client-node';
import { createLogger } from '@skyarc/lib/log';

/** What a collector needs of a pod. */
export interface PodInfo {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly appId: string;
  readonly containers: readonly ContainerInfo[];
}

export interface ContainerInfo {
  readonly name: string;
  readonly restartCount: number;
  /** False while it waits for its first or next start. */
  readonly started: boolean;
  readonly ended: boolean;
}

/** The pods of apps, as far as they are known. */
export interface PodSource {
  find(uid: string): PodInfo | undefined;
  list(): readonly PodInfo[];
  /** Called after each change; returns its removal. */
  onChange(handler: () => void): () => void;
}

/** Pods with our label in all namespaces; those that are deleted stay known for ten minutes, for their last lines. */
export class ClusterPods implements PodSource {
  private readonly informer: Informer<'pods'>;
  private readonly pods = new Map<string, PodInfo>();
  private readonly handlers = new Set<() => void>();
  private readonly forgetting = new Set<NodeJS.Timeout>();

  constructor(kube: KubeClient) {
    this.informer = new Informer(kube, 'pods', {
      labelSelector: `${labels.managedBy}=${managedByValue}`,
      log: createLogger('node'),
    });
    this.informer.onChange((now, before) => {
      if (now) this.note(now);
      else if (before) this.forgetLater(before.metadata?.uid ?? '');
      for (const handler of this.handlers) handler();
    });
  }

  /** Resolves once all pods are known. */
  start(): Promise<void> {
    return this.informer.start();
  }

  async stop(): Promise<void> {
    for (const timer of this.forgetting) clearTimeout(timer);
    await this.informer.stop();
  }

  get silenceMs(): number {
    return this.informer.silenceMs;
  }

  find(uid: string): PodInfo | undefined {
    return this.pods.get(uid);
  }

  list(): readonly PodInfo[] {
    return [...this.pods.values()];
  }

  onChange(handler: () => void): () => void {
    this.handlers.add(handler);
    return () => this.handlers.delete(handler);
  }

  private note(pod: Wire<V1Pod>): void {
    const { uid, namespace, name, labels: found } = pod.metadata ?? {};
    const appId = found?.[labels.appId];
    if (!uid || !namespace || !name || !appId) return;
    const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
    const containers = statuses.map(({ name: container, restartCount, state }): ContainerInfo => ({
      name: container,
      restartCount,
      started: Boolean(state?.running ?? state?.terminated),
      ended: Boolean(state?.terminated),
    }));
    this.pods.set(uid, { uid, namespace, name, appId, containers });
  }

  private forgetLater(uid: string): void {
    const timer = setTimeout(() => {
      this.forgetting.delete(timer);
      this.pods.delete(uid);
    }, 600_000);
    timer.unref();
    this.forgetting.add(timer);
  }
}
