import { messageOf } from '@skyarc/lib/errors';
import type { KubeClient } from '@skyarc/lib/kube';
import { containerName } from '../render/pod.ts';
import { readinessPlaceOf, renderProbes, startLimitSecOf } from '../render/probes.ts';
import { mainPortOf, type RunSpec } from '../render/run-spec.ts';
import { explainListeners, parseListeners } from './listeners.ts';
import { type Diagnosis, diagnosePod, isReady, type Pod, statusOf } from './pods.ts';

export { type Diagnosis, diagnosePod, isReady, type Pod } from './pods.ts';
export { findRefusal } from './refusals.ts';
export { tellingLine } from './telling-line.ts';

/** An app that has its port on loopback only will hardly move it later. */
const loopbackSettledMs = 15_000;
const lookInsideAfterMs = 5_000;
/** Beyond its own limit, what a pod may take to be scheduled and pulled. */
const graceMs = 15_000;

/** The most telling thing that keeps these pods from being ready, or null while all are ready or on their way. */
export async function diagnose(
  kube: KubeClient,
  spec: RunSpec,
  pods: readonly Pod[],
): Promise<Diagnosis | null> {
  const nowMs = Date.now();
  let passing: Diagnosis | null = null;
  for (const pod of pods) {
    const found = diagnosePod(pod, nowMs);
    if (found?.isSettled) return found;
    passing ??= found;
  }
  if (passing) return passing;
  for (const pod of pods) {
    const found = await lookInside(kube, spec, pod, nowMs);
    if (found) return found;
  }
  return null;
}

/** The newest lines of a pod that failed; of its previous life when it was started again. */
export async function lastLines(kube: KubeClient, pod: Pod, lines = 10): Promise<string[]> {
  const ref = {
    namespace: pod.metadata?.namespace ?? '',
    pod: pod.metadata?.name ?? '',
    container: containerName,
  };
  const status = statusOf(pod);
  const previous = Boolean(status && status.restartCount > 0 && !status.state?.terminated);
  try {
    return await kube.tailLog(ref, { lines, previous });
  } catch {
    return previous ? kube.tailLog(ref, { lines }).catch(() => []) : [];
  }
}

/** Why a running pod is not ready: asks its own sockets, then what the probes said. */
async function lookInside(
  kube: KubeClient,
  spec: RunSpec,
  pod: Pod,
  nowMs: number,
): Promise<Diagnosis | null> {
  const startedAt = Date.parse(statusOf(pod)?.state?.running?.startedAt ?? '');
  const port = spec.probes.readiness?.port ?? mainPortOf(spec)?.port;
  const isChecked = renderProbes(spec).readinessProbe !== undefined;
  if (isReady(pod) || pod.metadata?.deletionTimestamp || Number.isNaN(startedAt) || !isChecked) return null;
  const runningMs = nowMs - startedAt;
  const limitMs = startLimitSecOf(spec) * 1_000;
  if (runningMs < Math.min(lookInsideAfterMs, limitMs / 2)) return null;
  const isOverdue = runningMs > limitMs + graceMs;
  // What a command finds wrong is its own matter.
  const asksPort = port !== undefined && spec.probes.readiness?.kind !== 'COMMAND';
  const listening = asksPort ? await explainSockets(kube, pod, port) : null;
  if (listening) {
    const isLoopback = listening.includes(`127.0.0.1:${port} only`);
    const isSettled = isOverdue || (isLoopback && runningMs > loopbackSettledMs);
    return { trouble: 'NOT_READY', sentence: listening, isSettled, isCause: true };
  }
  const probe = await lastProbeFailure(kube, pod);
  if (!probe && !isOverdue) return null;
  const sentence = `The app is not ready ${readinessPlaceOf(spec)} after ${Math.round(runningMs / 1_000)} s${probe ? `: ${probe}` : ''}`;
  return { trouble: 'NOT_READY', sentence, isSettled: isOverdue };
}

async function explainSockets(kube: KubeClient, pod: Pod, port: number): Promise<string | null> {
  const ref = {
    namespace: pod.metadata?.namespace ?? '',
    pod: pod.metadata?.name ?? '',
    container: containerName,
  };
  try {
    const text = await kube.exec(ref, ['cat', '/proc/net/tcp', '/proc/net/tcp6']);
    return text.includes('local_address') ? explainListeners(parseListeners(text), port) : null;
  } catch {
    // An image without `cat`, or a cluster that does not let us: the probes have to tell.
    return null;
  }
}

async function lastProbeFailure(kube: KubeClient, pod: Pod): Promise<string | null> {
  try {
    const { items } = await kube.list('events', {
      namespace: pod.metadata?.namespace,
      fieldSelector: `involvedObject.name=${pod.metadata?.name},reason=Unhealthy`,
    });
    const newest = items.toSorted((a, b) => time(b).localeCompare(time(a)))[0];
    const status = /statuscode: (\d+)/.exec(newest?.message ?? '')?.[1];
    if (status) return `its health path answers ${status}`;
    return newest?.message?.replaceAll(/\s+/g, ' ').slice(0, 200) ?? null;
  } catch (error) {
    return messageOf(error).slice(0, 200);
  }
}

function time(event: { lastTimestamp?: string; eventTime?: string }): string {
  return event.lastTimestamp ?? event.eventTime ?? '';
}
