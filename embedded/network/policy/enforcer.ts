import type { Logger } from '@skyarc/lib/log';
import type { KindTable } from '../../client/index.ts';
import { Follower } from '../follower.ts';
import { hasTable, nft } from '../nft.ts';
import type { TableModel } from '../table.ts';
import { policyPodOf, renderPolicies, type PolicyObjects, type PolicyPod } from './render.ts';
import { policyTableOf, renderPolicyChange, renderPolicyTable, type PolicyTableOptions } from './ruleset.ts';

/** Where an enforcer looks, at each change. */
export interface PolicySource {
  readonly policies: () => PolicyObjects['policies'];
  readonly pods: () => readonly KindTable['pods'][];
  readonly namespaces: () => PolicyObjects['namespaces'];
}

/** How long a pod that was admitted may be missing in our copy of the API's pods. */
const maxStartMs = 30_000;

/** Keeps the kernel's table equal to the cluster's network policies; the rules outlive this process. */
export class PolicyEnforcer {
  private readonly options: PolicyTableOptions;
  private readonly source: PolicySource;
  private readonly log: Logger;
  private readonly follower: Follower;
  /** What the kernel has; undefined when that is not known: load everything. */
  private loaded: TableModel | undefined;
  /** Pods whose address the API does not know yet, by uid. */
  private readonly starting = new Map<string, { pod: KindTable['pods']; address: string; sinceMs: number }>();

  constructor(options: PolicyTableOptions, source: PolicySource, log: Logger) {
    this.options = options;
    this.source = source;
    this.log = log;
    this.follower = new Follower('network policies', (afterFailure) => this.load(afterFailure), log);
  }

  /** Something has changed: load it soon. */
  update(): void {
    this.follower.update();
  }

  /** Resolves when the kernel has what is known now. */
  updated(): Promise<void> {
    return this.follower.updated();
  }

  /**
   * A pod's network is there and nothing runs in it yet. Resolves once the policies that select it hold, so that
   * not even its first packet escapes them.
   */
  async admit(pod: KindTable['pods'], address: string): Promise<void> {
    this.starting.set(pod.metadata?.uid ?? '', { pod, address, sinceMs: Date.now() });
    await this.updated();
  }

  /** Loads everything anew when somebody else has removed the table. */
  async repair(): Promise<void> {
    const table = policyTableOf(this.options.instance);
    if (this.follower.isStopped || (await hasTable(table))) return;
    this.log.warn({ table }, 'network policies were removed, loading them again');
    this.loaded = undefined;
    await this.updated();
  }

  /** Ends the following; the rules stay. */
  stop(): Promise<void> {
    return this.follower.stop();
  }

  private async load(afterFailure: boolean): Promise<void> {
    if (afterFailure) this.loaded = undefined;
    const model = renderPolicies({
      policies: this.source.policies(),
      pods: [...this.pods(), ...this.names()],
      namespaces: this.source.namespaces(),
    });
    const script = this.loaded
      ? renderPolicyChange(this.options.instance, this.loaded, model)
      : renderPolicyTable(this.options, model);
    if (script !== '') await nft(script);
    this.loaded = model;
  }

  private pods(): PolicyPod[] {
    const pods = new Map(this.source.pods().map((pod) => [pod.metadata?.uid ?? '', pod]));
    const seen = [...pods.values()].map((pod) => policyPodOf(pod));
    for (const [uid, { pod, address, sinceMs }] of this.starting) {
      const known = pods.get(uid);
      const isLate = Date.now() - sinceMs > maxStartMs;
      if (known?.status?.podIP === address || (!known && isLate)) this.starting.delete(uid);
      // An address that a pod is given now belongs to it, whoever had it before.
      else seen.push(policyPodOf(known ?? pod, address));
    }
    return [...new Map(seen.flatMap((pod) => (pod ? [[pod.address, pod]] : []))).values()];
  }

  /** Cluster DNS as the pod that it is elsewhere, so that the usual rule for it works here too. */
  private names(): PolicyPod[] {
    const { address, port } = this.options.names;
    const ports = (['UDP', 'TCP'] as const).map((protocol) => ({
      name: protocol === 'UDP' ? 'dns' : 'dns-tcp',
      protocol,
      port,
    }));
    const labels = { 'k8s-app': 'kube-dns' };
    return [{ namespace: 'kube-system', address, labels, ports, isIsolatable: false }];
  }
}
