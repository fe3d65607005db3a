import { specOf, type Pod } from '../pod.ts';

/** Why a whole pod fails while its containers could go on. */
export interface PodFailure {
  /** As in `status.reason`. */
  readonly reason: 'Evicted' | 'DeadlineExceeded';
  readonly message: string;
  /** How long its containers get to end; the pod's own grace time when absent. */
  readonly graceMs?: number;
}

/** What the kubelet sets as `DisruptionTarget` when it ends a pod itself. */
export const evictionReason = 'TerminationByKubelet';
const evictionGraceMs = 1_000;

export function evictionOf(message: string): PodFailure {
  return { reason: 'Evicted', message, graceMs: evictionGraceMs };
}

/**
 * The failure that a pod's object tells of: an eviction that an earlier process began, or an
 * `activeDeadlineSeconds` that is over.
 */
export function findFailure(pod: Pod, nowMs: number): PodFailure | undefined {
  const target = pod.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  if (target?.status === 'True' && target.reason === evictionReason) return evictionOf(target.message ?? '');
  const leftMs = deadlineLeftMs(pod, nowMs);
  if (leftMs === undefined || leftMs > 0) return undefined;
  const message = 'Pod was active on the node longer than the specified deadline';
  return { reason: 'DeadlineExceeded', message };
}

/** Milliseconds until the pod has been active for too long; undefined when it may be for ever. */
export function deadlineLeftMs(pod: Pod, nowMs: number): number | undefined {
  const seconds = specOf(pod).activeDeadlineSeconds;
  const startTime = pod.status?.startTime;
  if (seconds === undefined || !startTime) return undefined;
  return Date.parse(startTime) + seconds * 1_000 - nowMs;
}
