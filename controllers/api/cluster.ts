import { labels, managedByValue } from '@skyarc/lib/contracts';
import { Informer, type KindTable, type KubeClient } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import { presentPod } from './app-state.ts';
import type { NodeInfo, Pod } from './generated/resolvers.ts';
import { cpuMillisOf, memoryMbOf } from './nodes/quantities.ts';

const versionAgeMs = 60_000;

/** What the API needs of Kubernetes, from live copies: pods by app, and nodes. */
export class Cluster {
  private readonly kube: KubeClient;
  private readonly pods: Informer<'pods'>;
  private readonly nodes: Informer<'nodes'>;
  private readonly podsByApp = new Map<string, Map<string, KindTable['pods']>>();
  private readonly listeners = new Set<(appId: string) => void>();
  private version: { readonly at: number; readonly value: Promise<string> } | undefined;

  constructor(kube: KubeClient, log: Logger) {
    this.kube = kube;
    this.pods = new Informer(kube, 'pods', { log, labelSelector: `${labels.managedBy}=${managedByValue}` });
    this.nodes = new Informer(kube, 'nodes', { log });
    this.pods.onChange((now, before) => this.index(now, before));
  }

  /** Begins to follow; does not wait, so that the API answers while the cluster is away. */
  start(): void {
    void this.pods.start();
    void this.nodes.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.pods.stop(), this.nodes.stop()]);
  }

  /** Pods of an app, by name. */
  podsOf(appId: string): Pod[] {
    const pods = [...(this.podsByApp.get(appId)?.values() ?? [])];
    return pods.map(presentPod).toSorted((left, right) => left.name.localeCompare(right.name));
  }

  /** The same pods as Kubernetes tells them. */
  objectsOf(appId: string): KindTable['pods'][] {
    return [...(this.podsByApp.get(appId)?.values() ?? [])];
  }

  listNodes(): NodeInfo[] {
    return this.nodes
      .list()
      .map(presentNode)
      .toSorted((left, right) => left.name.localeCompare(right.name));
  }

  /** Version of the Kubernetes API. Throws UNAVAILABLE. */
  kubernetesVersion(): Promise<string> {
    if (!this.version || Date.now() - this.version.at > versionAgeMs) {
      this.version = { at: Date.now(), value: this.kube.version() };
      this.version.value.catch(() => (this.version = undefined));
    }
    return this.version.value;
  }

  /** Why the cluster cannot be trusted to be up to date, or undefined. */
  get problem(): string | undefined {
    const limitMs = 180_000;
    return this.pods.silenceMs > limitMs ? 'The Kubernetes API does not answer' : undefined;
  }

  /** Called with the app of each pod that changed; answers its removal. */
  onPodChange(listener: (appId: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private index(now: KindTable['pods'] | undefined, before: KindTable['pods'] | undefined): void {
    const pod = now ?? before;
    const appId = pod?.metadata?.labels?.[labels.appId];
    const key = pod?.metadata?.uid ?? pod?.metadata?.name;
    if (!pod || !appId || !key) return;
    const own = this.podsByApp.get(appId) ?? new Map<string, KindTable['pods']>();
    if (now) own.set(key, now);
    else own.delete(key);
    if (before && now && before.metadata?.uid !== now.metadata?.uid) own.delete(before.metadata?.uid ?? '');
    if (own.size > 0) this.podsByApp.set(appId, own);
    else this.podsByApp.delete(appId);
    for (const listener of this.listeners) listener(appId);
  }
}

function presentNode({ metadata, status }: KindTable['nodes']): NodeInfo {
  return {
    name: metadata?.name ?? '',
    ready: status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false,
    cpuMillis: cpuMillisOf(status?.capacity?.['cpu']),
    memoryMb: memoryMbOf(status?.capacity?.['memory']),
  };
}
