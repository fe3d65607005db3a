import { parseQuantity } from '../../client/quantity.ts';
import { cpuPeriodUs, minCpuShares } from '../cgroup.ts';
import type { LinuxContainerResources } from '../cri/types.ts';
import { isSidecar, qosClassOf, specOf, type Pod, type PodContainer } from '../pod.ts';

/** The kernel refuses less. */
const minQuotaUs = 1_000;
/** For the sandbox's own process, so that a container meets its own limit before the pod's. */
const sandboxMemoryBytes = 8 * 1024 * 1024;

type ResourceName = 'cpu' | 'memory';

/** CPU shares and quota, memory limit and OOM score of a container, by the kubelet's formulas. */
export function renderResources(
  pod: Pod,
  container: PodContainer,
  nodeMemoryBytes: number,
): LinuxContainerResources {
  const { limits = {} } = container.resources ?? {};
  const cpuLimit = limits['cpu'];
  return {
    cpuPeriod: cpuPeriodUs,
    cpuShares: sharesOf(requestOf(container, 'cpu')),
    cpuQuota: cpuLimit ? quotaUsOf(parseQuantity(cpuLimit)) : 0,
    memoryLimitInBytes: limits['memory'] ? Math.floor(parseQuantity(limits['memory'])) : 0,
    oomScoreAdj: oomScoreOf(pod, container, nodeMemoryBytes),
  };
}

/** Shares of a pod's cgroup, and its bounds when every container of it is bounded. */
export function renderPodResources(pod: Pod): {
  cpuShares: number;
  cpuQuotaUs?: number;
  memoryBytes?: number;
} {
  const cpu = totalOf(pod, (container) => limitOf(container, 'cpu'));
  const memory = totalOf(pod, (container) => limitOf(container, 'memory'));
  return {
    cpuShares: podCpuSharesOf(pod),
    ...(cpu === undefined ? {} : { cpuQuotaUs: quotaUsOf(cpu) }),
    ...(memory === undefined ? {} : { memoryBytes: Math.floor(memory) + sandboxMemoryBytes }),
  };
}

/** What a pod asks of the processors, as cgroup shares: 1024 a core. */
export function podCpuSharesOf(pod: Pod): number {
  return sharesOf(totalOf(pod, (container) => requestOf(container, 'cpu')) ?? 0);
}

/** A request; a limit stands for a request that is absent. */
export function requestOf({ resources }: PodContainer, name: ResourceName | 'ephemeral-storage'): number {
  return parseQuantity(resources?.requests?.[name] ?? resources?.limits?.[name] ?? '0');
}

function limitOf({ resources }: PodContainer, name: ResourceName): number | undefined {
  const limit = resources?.limits?.[name];
  return limit === undefined ? undefined : parseQuantity(limit);
}

/**
 * What a pod takes at most at one time: its containers and side-cars together, or an init container beside
 * the side-cars before it (KEP-753). Undefined when one of them has no value.
 */
export function totalOf(
  pod: Pod,
  valueOf: (container: PodContainer) => number | undefined,
): number | undefined {
  const { containers, initContainers = [] } = specOf(pod);
  let sidecars = 0;
  let most = 0;
  for (const container of initContainers) {
    const value = valueOf(container);
    if (value === undefined) return undefined;
    if (isSidecar(container)) sidecars += value;
    most = Math.max(most, isSidecar(container) ? sidecars : sidecars + value);
  }
  let together = sidecars;
  for (const container of containers) {
    const value = valueOf(container);
    if (value === undefined) return undefined;
    together += value;
  }
  return Math.max(together, most);
}

/** Cgroup shares of so many cores: 1024 each. */
export function sharesOf(cores: number): number {
  return Math.max(minCpuShares, Math.floor(cores * 1024));
}

function quotaUsOf(cores: number): number {
  return Math.max(minQuotaUs, Math.floor(cores * cpuPeriodUs));
}

/** Guaranteed pods die last, BestEffort first, others in proportion to what they asked for. */
function oomScoreOf(pod: Pod, container: PodContainer, nodeMemoryBytes: number): number {
  const qos = qosClassOf(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const score = 1000 - Math.floor((1000 * requestOf(container, 'memory')) / nodeMemoryBytes);
  return Math.min(999, Math.max(3, score));
}
