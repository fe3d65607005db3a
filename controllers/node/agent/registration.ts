import {
  agentLabel,
  agentObjectName,
  labels,
  managedByValue,
  type NodeReport,
  type NodeRole,
  nodeRoles,
  reportKey,
  roleLabelOf,
  systemNamespace,
} from '@skyarc/lib/contracts';
import { isNotFound } from '@skyarc/lib/errors';
import { isAlreadyExists, type KubeClient } from '@skyarc/lib/kube';

/** A machine in the cluster: its report in a ConfigMap, and its roles as labels where it is a Kubernetes Node. */
export class Registration {
  private readonly kube: KubeClient;
  private readonly name: string;

  constructor(kube: KubeClient, name: string) {
    this.kube = kube;
    this.name = name;
  }

  /** The roles that hold: an operator's labels, else the given ones, which become labels. */
  async settleRoles(first: readonly NodeRole[]): Promise<readonly NodeRole[]> {
    const node = await this.kube.find('nodes', this.name);
    if (!node) return first;
    const labelled = nodeRoles.filter((role) => node.metadata?.labels?.[roleLabelOf(role)] !== undefined);
    if (labelled.length > 0) {
      return labelled.filter((role) => node.metadata?.labels?.[roleLabelOf(role)] === 'true');
    }
    // Every role gets its label, so that one that an operator takes away stays away.
    const fresh = Object.fromEntries(
      nodeRoles.map((role) => [roleLabelOf(role), String(first.includes(role))]),
    );
    await this.kube.patch('nodes', { name: this.name }, { metadata: { labels: fresh } });
    return first;
  }

  async report(report: NodeReport): Promise<void> {
    const ref = { name: agentObjectName(this.name), namespace: systemNamespace };
    const data = { [reportKey]: JSON.stringify(report) };
    try {
      await this.kube.patch('configmaps', ref, { data });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await this.create(ref, data);
    }
  }

  private async create(
    ref: { name: string; namespace: string },
    data: Readonly<Record<string, string>>,
  ): Promise<void> {
    const ours = { [labels.managedBy]: managedByValue };
    await this.kube
      .create('namespaces', { metadata: { name: systemNamespace, labels: ours } })
      .catch(ignoreExisting);
    await this.kube
      .create('configmaps', { metadata: { ...ref, labels: { ...ours, [agentLabel]: this.name } }, data })
      .catch(ignoreExisting);
  }
}

function ignoreExisting(error: unknown): void {
  if (!isAlreadyExists(error)) throw error;
}
