import { quantityOrZero } from '../../client/quantity.ts';
import { msOf, type Pod } from '../kinds.ts';
import { podCondition } from '../pods.ts';

/** What one pod used of one thing: millicores or bytes, or a metric's own unit. */
export interface PodSample {
  readonly value: number;
  /** End of the window that it was measured over, milliseconds. */
  readonly atMs: number;
  readonly windowMs: number;
}

export type Samples = ReadonlyMap<string, PodSample>;

export interface Proposal {
  readonly replicas: number;
  /** The measured average per pod, in the unit of the samples. */
  readonly average: number;
  /** Percent of what the pods request; of utilisation targets only. */
  readonly utilization?: number;
}

export interface ScalingRules {
  /** How far from the target nothing is done, as a share of it: 0.1. */
  readonly tolerance: number;
  /** So long after its start a pod's cpu is looked at only while it is ready. */
  readonly cpuInitializationMs: number;
  /** A pod that was not ready so shortly after its start has never been. */
  readonly initialReadinessMs: number;
}

interface Question {
  readonly current: number;
  readonly pods: readonly Pod[];
  readonly samples: Samples;
  readonly isCpu: boolean;
  readonly rules: ScalingRules;
  readonly now: number;
}

/** As many replicas as keep the average share of the requests at the target percent. Throws when it cannot be said. */
export function byUtilization(
  question: Question,
  targetPercent: number,
  requests: ReadonlyMap<string, number>,
): Proposal {
  const groups = groupPods(question);
  const percentOf = (samples: Samples): number => {
    let [used, requested] = [0, 0];
    for (const [name, { value }] of samples) {
      used += value;
      requested += requests.get(name) ?? 0;
    }
    if (requested === 0) throw new Error('no requests are set for the containers');
    return (used * 100) / requested;
  };
  const fallback = (name: string): number => ((requests.get(name) ?? 0) * Math.max(100, targetPercent)) / 100;
  const utilization = percentOf(groups.measured);
  const replicas = propose(question, groups, {
    ratioOf: (samples) => percentOf(samples) / targetPercent,
    fallback,
  });
  return { replicas, average: averageOf(groups.measured), utilization: Math.floor(utilization) };
}

/** As many replicas as keep the average value per pod at the target. */
export function byAverage(question: Question, target: number): Proposal {
  const groups = groupPods(question);
  const replicas = propose(question, groups, {
    ratioOf: (samples) => averageOf(samples) / target,
    fallback: () => target,
  });
  return { replicas, average: averageOf(groups.measured) };
}

interface Groups {
  /** Samples of pods that count. */
  readonly measured: Samples;
  readonly ready: number;
  readonly missing: readonly string[];
  /** Not ready yet: their cpu says nothing of the load. */
  readonly unready: readonly string[];
}

function groupPods({ pods, samples, isCpu, rules, now }: Question): Groups {
  const measured = new Map<string, PodSample>();
  const missing: string[] = [];
  const unready: string[] = [];
  let ready = 0;
  for (const pod of pods) {
    const name = pod.metadata?.name ?? '';
    if (pod.metadata?.deletionTimestamp || pod.status?.phase === 'Failed') continue;
    const sample = samples.get(name);
    if (pod.status?.phase === 'Pending') unready.push(name);
    else if (!sample) missing.push(name);
    else if (isCpu && isUnready(pod, sample, { rules, now })) unready.push(name);
    else {
      ready += 1;
      measured.set(name, sample);
    }
  }
  if (measured.size === 0)
    throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  return { measured, ready, missing, unready };
}

function isUnready(
  pod: Pod,
  sample: PodSample,
  { rules, now }: { rules: ScalingRules; now: number },
): boolean {
  const ready = podCondition(pod, 'Ready');
  const startMs = msOf(pod.status?.startTime);
  if (!ready || startMs === 0) return true;
  const changedMs = msOf(ready.lastTransitionTime);
  if (startMs + rules.cpuInitializationMs > now) {
    // A sample from before it was ready shows the start, not the load.
    return ready.status === 'False' || sample.atMs < changedMs + sample.windowMs;
  }
  return ready.status === 'False' && startMs + rules.initialReadinessMs > changedMs;
}

/** Pods without samples are supposed to be as it takes to change least. */
function propose(
  { current, rules }: Question,
  groups: Groups,
  { ratioOf, fallback }: { ratioOf: (samples: Samples) => number; fallback: (name: string) => number },
): number {
  const isWithin = (ratio: number): boolean => Math.abs(1 - ratio) <= rules.tolerance;
  const ratio = ratioOf(groups.measured);
  const ignoresUnready = groups.unready.length === 0 || ratio <= 1;
  if (ignoresUnready && groups.missing.length === 0)
    return isWithin(ratio) ? current : Math.ceil(round(ratio * groups.ready));
  const samples = new Map(groups.measured);
  const suppose = (name: string, value: number) => samples.set(name, { value, atMs: 0, windowMs: 0 });
  if (ratio < 1) groups.missing.forEach((name) => suppose(name, fallback(name)));
  else groups.missing.forEach((name) => suppose(name, 0));
  if (!ignoresUnready) groups.unready.forEach((name) => suppose(name, 0));
  const careful = ratioOf(samples);
  const turned = (ratio < 1 && careful > 1) || (ratio > 1 && careful < 1);
  if (isWithin(careful) || turned) return current;
  const wanted = Math.ceil(round(careful * samples.size));
  const isWrongWay = (careful < 1 && wanted > current) || (careful > 1 && wanted < current);
  return isWrongWay ? current : wanted;
}

function averageOf(samples: Samples): number {
  let sum = 0;
  for (const { value } of samples.values()) sum += value;
  return sum / samples.size;
}

/** One value for all: replicas in proportion to it. `ready` pods bear it now. */
export function byValue(
  { current, ready, rules }: { current: number; ready: number; rules: ScalingRules },
  value: number,
  target: number,
): number {
  const ratio = value / target;
  return Math.abs(1 - ratio) <= rules.tolerance ? current : Math.ceil(round(ratio * ready));
}

/** One value shared by all: as many replicas as bring each one's part to the target. */
export function byShare(
  { current, rules }: { current: number; rules: ScalingRules },
  value: number,
  target: number,
): number {
  const ratio = value / (target * current);
  return Math.abs(1 - ratio) <= rules.tolerance ? current : Math.ceil(round(value / target));
}

/** What a pod's containers request of a resource, cpu in millicores; undefined when one of them requests none. */
export function requestOf(pod: Pod, resource: string, container?: string): number | undefined {
  let sum = 0;
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  for (const { name, resources } of [...(pod.spec?.containers ?? []), ...sidecars]) {
    if (container && name !== container) continue;
    const request = resources?.requests?.[resource];
    if (request === undefined) return undefined;
    sum += quantityOrZero(request) * (resource === 'cpu' ? 1_000 : 1);
  }
  return sum;
}

/** 2.0000000001 pods are two. */
function round(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}
