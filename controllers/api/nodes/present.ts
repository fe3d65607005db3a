import {
  drainAnnotation,
  drainProgress,
  drainProgressAnnotation,
  drainRequest,
  labels as ourLabels,
  type NodeReport,
  nodeReport,
  nodeRoles,
  nodeVerdict,
  type NodeVerdict,
  parseStored,
  reportKey,
  roleLabelOf,
  verdictAnnotation,
} from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import type { Node, NodeCondition, NodeDrain, NodePod, NodeRole, NodeState } from '../generated/resolvers.ts';
import { cpuMillisOf, memoryMbOf } from './quantities.ts';

type KubeNode = KindTable['nodes'];
type Pod = KindTable['pods'];

export interface NodeFacts {
  readonly name: string;
  /** Undefined for a machine on which Kubernetes runs nothing. */
  readonly node: KubeNode | undefined;
  /** The ConfigMap of its agent. */
  readonly report: KindTable['configmaps'] | undefined;
  readonly pods: readonly Pod[];
  readonly isMaster: boolean;
}

export function presentNode({ name, node, report: object, pods, isMaster }: NodeFacts): Node {
  const report = parseStored(nodeReport, object?.data?.[reportKey]);
  const verdict = parseStored(nodeVerdict, object?.metadata?.annotations?.[verdictAnnotation]);
  const { allocatable, capacity, nodeInfo, addresses = [] } = node?.status ?? {};
  const room = allocatable ?? capacity ?? {};
  const running = pods.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
  return {
    name,
    ...stateOf(node, report, verdict),
    schedulable: node !== undefined,
    cordoned: node?.spec?.unschedulable ?? false,
    drain: presentDrain(node),
    roles: rolesOf(node, report),
    labels: Object.entries(node?.metadata?.labels ?? {})
      .map(([key, value]) => ({ key, value }))
      .toSorted((left, right) => (left.key < right.key ? -1 : 1)),
    conditions: [...conditionsOf(node), ...conditionsOfAgent(report)],
    addresses: addresses.filter(({ type }) => type !== 'Hostname').map(({ address }) => address),
    isMaster,
    reportedAt: report ? new Date(report.at) : null,
    cpuMillis: cpuMillisOf(room['cpu']),
    memoryMb: memoryMbOf(room['memory']),
    maxPods: Number(room['pods'] ?? 0),
    reservedCpuMillis: sumOf(running, (requests) => cpuMillisOf(requests['cpu'])),
    reservedMemoryMb: sumOf(running, (requests) => memoryMbOf(requests['memory'])),
    use: report ? presentUse(report.machine) : null,
    system: nodeInfo?.osImage ?? report?.machine.os ?? null,
    kernel: nodeInfo?.kernelVersion ?? report?.machine.kernel ?? null,
    architecture: nodeInfo?.architecture ?? report?.machine.architecture ?? null,
    containerRuntime: nodeInfo?.containerRuntimeVersion ?? null,
    kubeletVersion: nodeInfo?.kubeletVersion ?? null,
    exporterUrl: report?.exporterUrl ?? null,
    pods: pods.map(presentPod).toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1)),
    services: (report?.services ?? []).map((one) => ({ ...one, checkedAt: new Date(one.checkedAt) })),
    record: (report?.record ?? []).map((one) => ({ ...one, at: new Date(one.at) })),
  };
}

function stateOf(
  node: KubeNode | undefined,
  report: NodeReport | null,
  verdict: NodeVerdict | null,
): { state: NodeState; reason: string | null; since: Date | null } {
  const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready');
  if (node && ready?.status !== 'True') {
    const since = ready?.lastTransitionTime ? new Date(ready.lastTransitionTime) : null;
    const state = ready?.status === 'False' ? 'UNHEALTHY' : 'OFFLINE';
    return { state, reason: ready?.message ?? 'Kubernetes has not heard of it', since };
  }
  if (verdict) return { state: verdict.state, reason: verdict.reason, since: new Date(verdict.since) };
  if (report) return { state: 'ONLINE', reason: null, since: null };
  return { state: 'UNWATCHED', reason: 'No agent reports from there', since: null };
}

function rolesOf(node: KubeNode | undefined, report: NodeReport | null): NodeRole[] {
  const labels = node?.metadata?.labels ?? {};
  const isLabelled = nodeRoles.some((role) => labels[roleLabelOf(role)] !== undefined);
  if (!isLabelled) return report?.roles ?? [];
  return nodeRoles.filter((role) => labels[roleLabelOf(role)] === 'true');
}

function conditionsOf(node: KubeNode | undefined): NodeCondition[] {
  return (node?.status?.conditions ?? []).map(({ type, status, message, lastTransitionTime }) => ({
    type,
    active: status === 'True',
    good: type === 'Ready' ? status === 'True' : status === 'False',
    message: message ?? null,
    since: lastTransitionTime ? new Date(lastTransitionTime) : null,
  }));
}

function conditionsOfAgent(report: NodeReport | null): NodeCondition[] {
  return (report?.conditions ?? []).map(({ since, ...rest }) => ({
    ...rest,
    good: !rest.active,
    since: new Date(since),
  }));
}

function presentDrain(node: KubeNode | undefined): NodeDrain | null {
  const { annotations } = node?.metadata ?? {};
  const request = parseStored(drainRequest, annotations?.[drainAnnotation]);
  if (!request) return null;
  const told = parseStored(drainProgress, annotations?.[drainProgressAnnotation]);
  const progress = told?.at === request.at ? told : null;
  return {
    phase: progress?.phase ?? 'DRAINING',
    startedAt: new Date(request.at),
    startedBy: request.by,
    remaining: progress?.remaining ?? 0,
    blockers: progress?.blockers ?? [],
    finishedAt: progress?.finishedAt ? new Date(progress.finishedAt) : null,
  };
}

function presentUse(machine: NodeReport['machine']): NonNullable<Node['use']> {
  return {
    load: machine.load1,
    cpus: machine.cpus,
    memoryMb: mb(machine.memoryBytes),
    memoryUsedMb: mb(machine.memoryUsedBytes),
    diskMb: mb(machine.diskBytes),
    diskUsedMb: mb(machine.diskUsedBytes),
    uptimeSeconds: machine.uptimeSeconds,
  };
}

function presentPod({ metadata, status }: Pod): NodePod {
  const labels = metadata?.labels ?? {};
  const isOfApp = labels[ourLabels.appId] !== undefined;
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    teamName: isOfApp ? (labels[ourLabels.team] ?? null) : null,
    appName: isOfApp ? (labels[ourLabels.name] ?? null) : null,
    phase: metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? 'Unknown'),
    ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
  };
}

function keyOf({ teamName, namespace, name }: NodePod): string {
  // Pods of apps first.
  return `${teamName === null ? 1 : 0} ${namespace} ${name}`;
}

function sumOf(pods: readonly Pod[], of: (requests: Readonly<Record<string, string>>) => number): number {
  const containers = pods.flatMap(({ spec }) => spec?.containers ?? []);
  return containers.reduce((sum, { resources }) => sum + of(resources?.requests ?? {}), 0);
}

function mb(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
