import type { DaemonSet, Node, Pod } from '../kinds.ts';
import { podFromTemplate } from '../pods.ts';
import { nodeAffinity, nodeName, taintsOf, tolerates, type NodeState } from '../scheduler/filters.ts';

type Toleration = NonNullable<NonNullable<Pod['spec']>['tolerations']>[number];

/** What every daemon stands, so that a troubled node keeps what may mend it. */
const tolerations: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];

/** The set's pod, fit for any node that takes it; without a name. */
export function renderDaemon(set: DaemonSet, hash: string): ReturnType<typeof podFromTemplate> {
  const pod = podFromTemplate(set.spec?.template, { resource: 'daemonsets', object: set });
  pod.metadata.generateName = `${set.metadata?.name ?? ''}-`;
  pod.metadata.labels = { ...pod.metadata.labels, 'controller-revision-hash': hash };
  const own = pod.spec.tolerations ?? [];
  const network = { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' };
  const wanted = pod.spec.hostNetwork ? [...tolerations, network] : tolerations;
  const missing = wanted.filter(
    ({ key, effect }) => !own.some((each) => each.key === key && each.effect === effect),
  );
  pod.spec.tolerations = [...own, ...missing];
  return pod;
}

/** The same pod tied to one node; the scheduler binds it like any other. */
export function tieTo(pod: ReturnType<typeof podFromTemplate>, node: string): Pod {
  const required = {
    nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
  };
  pod.spec.affinity = {
    ...pod.spec.affinity,
    nodeAffinity: {
      ...pod.spec.affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: required,
    },
  };
  return pod;
}

/** The node that a daemon pod is on, or is tied to. */
export function nodeOf({ spec }: Pod): string | undefined {
  if (spec?.nodeName) return spec.nodeName;
  const terms =
    spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const field = terms?.[0]?.matchFields?.find(({ key }) => key === 'metadata.name');
  return field?.values?.[0];
}

/** Whether a daemon belongs on a node, and whether one that is there may stay. */
export function judgeNode(pod: Pod, node: Node): { shouldRun: boolean; mayStay: boolean } {
  const state: NodeState = { node, pods: [], requested: {} };
  const fits = [...nodeName(pod, state), ...nodeAffinity(pod, state)].length === 0;
  const unwelcome = taintsOf(node).filter((taint) => !tolerates(pod.spec?.tolerations, taint));
  const has = (effect: string) => unwelcome.some((taint) => taint.effect === effect);
  return { shouldRun: fits && !has('NoSchedule') && !has('NoExecute'), mayStay: fits && !has('NoExecute') };
}
