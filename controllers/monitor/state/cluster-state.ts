import { agentLabel, labels, systemNamespace } from '@skyarc/lib/contracts';
import { Informer, type KindTable, type KubeClient } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import { type Machine, machineOf } from '../targets/machines.ts';

/** Live copies of what targets are found among and what is told of the cluster. */
export class ClusterState {
  readonly pods: Informer<'pods'>;
  readonly nodes: Informer<'nodes'>;
  readonly deployments: Informer<'deployments'>;
  readonly statefulSets: Informer<'statefulsets'>;
  readonly ingresses: Informer<'ingresses'>;
  readonly claims: Informer<'persistentvolumeclaims'>;
  private readonly agents: Informer<'configmaps'>;

  constructor(kube: KubeClient, { log, allPods }: { readonly log: Logger; readonly allPods: boolean }) {
    const ours = { log, labelSelector: labels.appId };
    this.pods = new Informer(kube, 'pods', allPods ? { log } : ours);
    this.nodes = new Informer(kube, 'nodes', { log });
    this.deployments = new Informer(kube, 'deployments', ours);
    this.statefulSets = new Informer(kube, 'statefulsets', ours);
    this.ingresses = new Informer(kube, 'ingresses', ours);
    this.claims = new Informer(kube, 'persistentvolumeclaims', ours);
    const ofAgents = { namespace: systemNamespace, labelSelector: agentLabel };
    this.agents = new Informer(kube, 'configmaps', { log, ...ofAgents });
  }

  private get all() {
    const { pods, nodes, deployments, statefulSets, ingresses, claims, agents } = this;
    return [pods, nodes, deployments, statefulSets, ingresses, claims, agents];
  }

  /** Machines with an agent. */
  machines(): Machine[] {
    return this.agents.list().map(machineOf);
  }

  /** Begins to follow; does not wait for the cluster. */
  start(): void {
    for (const informer of this.all) void informer.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((informer) => informer.stop()));
  }

  /** Called when pods or nodes come, go or change their address or phase. */
  onTargets(listener: () => void): void {
    this.pods.onChange((now, before) => {
      if (traceOf(now) !== traceOf(before)) listener();
    });
    this.nodes.onChange((now, before) => {
      if (!now || !before) listener();
    });
  }

  get problem(): string | undefined {
    return this.pods.silenceMs > 180_000 ? 'The Kubernetes API does not answer' : undefined;
  }
}

function traceOf(pod: KindTable['pods'] | undefined): string {
  return `${pod?.metadata?.uid} ${pod?.status?.phase} ${pod?.status?.podIP}`;
}
