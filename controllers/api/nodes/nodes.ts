import {
  agentLabel,
  type DrainRequest,
  drainAnnotation,
  drainProgressAnnotation,
  masterLease,
  noComputeTaint,
  nodeRole,
  nodeRoles,
  roleLabelOf,
  systemNamespace,
} from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { KindTable, KubeClient } from '@skyarc/lib/kube';
import { z } from 'zod';
import type { Node, NodeInput } from '../generated/resolvers.ts';
import { withoutNulls } from '../input/text.ts';
import { presentNode } from './present.ts';

const labelName = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

/** A label of an operator's own (Kubernetes' syntax of label keys). */
const labelKey = z
  .string()
  .max(317)
  .refine((key) => {
    const [name = '', prefix] = key.split('/').toReversed();
    const isPrefix = prefix === undefined || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(prefix);
    return key.split('/').length <= 2 && isPrefix && labelName.test(name);
  }, 'is no key of a label')
  .refine(
    (key) => !/(^|\.)(kubernetes\.io|k8s\.io|skyarc\.dev)$/.test(key.split('/').toReversed()[1] ?? ''),
    'belongs to Kubernetes or Skyarc',
  );
const labelValue = z.union([z.literal(''), z.string().regex(labelName, 'is no value of a label')]);
const nodeInput = z.object({
  roles: z.array(nodeRole).max(nodeRoles.length).optional(),
  labels: z
    .array(z.object({ key: labelKey, value: labelValue }))
    .max(50)
    .optional(),
  removeLabels: z.array(labelKey).max(50).optional(),
});

/** The machines: what Kubernetes and our agents say of them, and what operators do with them. */
export class Nodes {
  private readonly kube: KubeClient;

  constructor(kube: KubeClient) {
    this.kube = kube;
  }

  /** By name. Throws UNAVAILABLE. */
  async list(): Promise<Node[]> {
    const [nodes, pods, reports, lease] = await Promise.all([
      this.kube.list('nodes'),
      this.kube.list('pods'),
      this.kube.list('configmaps', { namespace: systemNamespace, labelSelector: agentLabel }),
      this.kube.find('leases', masterLease, systemNamespace),
    ]);
    const podsByNode = Map.groupBy(pods.items, ({ spec }) => spec?.nodeName ?? '');
    const reportOf = new Map(
      reports.items.map((object) => [object.metadata?.labels?.[agentLabel] ?? '', object] as const),
    );
    const nodeOf = new Map(nodes.items.map((node) => [node.metadata?.name ?? '', node] as const));
    const [master = ''] = lease?.spec?.holderIdentity?.split('_') ?? [];
    return [...new Set([...nodeOf.keys(), ...reportOf.keys()])].toSorted().map((name) =>
      presentNode({
        name,
        node: nodeOf.get(name),
        report: reportOf.get(name),
        pods: podsByNode.get(name) ?? [],
        isMaster: name === master,
      }),
    );
  }

  async cordon(name: string): Promise<Node> {
    await this.getMachine('cordon', name);
    await this.kube.patch('nodes', { name }, { spec: { unschedulable: true } });
    return this.get(name);
  }

  async uncordon(name: string): Promise<Node> {
    await this.getMachine('uncordon', name);
    const annotations = { [drainAnnotation]: null, [drainProgressAnnotation]: null };
    await this.kube.patch('nodes', { name }, { metadata: { annotations }, spec: { unschedulable: null } });
    return this.get(name);
  }

  /** The master does it; one that is under way goes on. */
  async drain(name: string, by: string): Promise<Node> {
    await this.getMachine('drain', name);
    const { drain } = await this.get(name);
    if (!drain || drain.phase === 'DRAINED') {
      const request: DrainRequest = { at: new Date().toISOString(), by };
      const annotations = { [drainAnnotation]: JSON.stringify(request), [drainProgressAnnotation]: null };
      await this.kube.patch('nodes', { name }, { metadata: { annotations }, spec: { unschedulable: true } });
    }
    return this.get(name);
  }

  async update(name: string, input: NodeInput): Promise<Node> {
    const { spec } = await this.getMachine('change', name);
    const {
      roles,
      labels = [],
      removeLabels = [],
    } = check(`Cannot change node "${name}"`, nodeInput, withoutNulls(input));
    const ofRoles =
      roles && nodeRoles.map((role) => [roleLabelOf(role), String(roles.includes(role))] as const);
    const wanted = Object.fromEntries<string | null>([
      ...removeLabels.map((key) => [key, null] as const),
      ...labels.map(({ key, value }) => [key, value] as const),
      ...(ofRoles ?? []),
    ]);
    // Only who is in the list of taints keeps pods away, and a patch replaces the list.
    const others = (spec?.taints ?? []).filter(({ key }) => key !== noComputeTaint);
    const taints = roles?.includes('COMPUTE')
      ? others
      : [...others, { key: noComputeTaint, effect: 'NoSchedule' }];
    await this.kube.patch(
      'nodes',
      { name },
      { metadata: { labels: wanted }, ...(roles ? { spec: { taints } } : {}) },
    );
    return this.get(name);
  }

  private async get(name: string): Promise<Node> {
    const found = (await this.list()).find((one) => one.name === name);
    if (!found) throw new AppError('NOT_FOUND', `There is no node "${name}"`);
    return found;
  }

  /** Throws NOT_FOUND, and CONFLICT for a machine on which Kubernetes runs nothing. */
  private async getMachine(verb: string, name: string): Promise<KindTable['nodes']> {
    const isName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name);
    const node = isName ? await this.kube.find('nodes', name) : null;
    if (node) return node;
    if (isName && (await this.get(name).catch(() => null))) {
      throw new AppError('CONFLICT', `Cannot ${verb} node "${name}": Kubernetes runs nothing there`);
    }
    throw new AppError('NOT_FOUND', `Cannot ${verb} node "${name}": there is none of that name`);
  }
}
