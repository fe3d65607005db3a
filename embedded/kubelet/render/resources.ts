import type { LinuxContainerResources } from '../cri/types.ts';
import { qosClassOf, type Pod, type PodContainer } from '../pod.ts';
import { parseQuantity } from '../../client/quantity.ts';

const cpuPeriodUs = 100_000;
/** The kernel refuses less. */
const minShares = 2;
const minQuotaUs = 1_000;

/** CPU shares and quota, memory limit and OOM score of a container, by the kubelet's formulas. */
export function renderResources(
  pod: Pod,
  container: PodContainer,
  nodeMemoryBytes: number,
): LinuxContainerResources {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const cpuLimit = limits['cpu'];
  const cpuRequest = parseQuantity(requests['cpu'] ?? cpuLimit ?? '0');
  return {
    cpuPeriod: cpuPeriodUs,
    cpuShares: Math.max(minShares, Math.floor(cpuRequest * 1024)),
    cpuQuota: cpuLimit ? Math.max(minQuotaUs, Math.floor(parseQuantity(cpuLimit) * cpuPeriodUs)) : 0,
    memoryLimitInBytes: limits['memory'] ? Math.floor(parseQuantity(limits['memory'])) : 0,
    oomScoreAdj: oomScoreOf(pod, container, nodeMemoryBytes),
  };
}

/** Guaranteed pods die last, BestEffort first, others in proportion to what they asked for. */
function oomScoreOf(pod: Pod, container: PodContainer, nodeMemoryBytes: number): number {
  const qos = qosClassOf(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const request = parseQuantity(container.resources?.requests?.['memory'] ?? '0');
  const score = 1000 - Math.floor((1000 * request) / nodeMemoryBytes);
  return Math.min(999, Math.max(3, score));
}
