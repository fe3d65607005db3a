import { msOf, type Pod } from '../kinds.ts';

/** How long to wait before a failed pod is replaced; doubles with each failure since the last success. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** What is left of the wait, read from the finished pods alone, so that a restart does not shorten it. */
export function backoffLeftMs(pods: readonly Pod[], { baseMs, maxMs }: Backoff, now: number): number {
  const failures = pods.filter(({ status }) => status?.phase === 'Failed').map(finishedAtMs);
  const lastSuccess = Math.max(
    0,
    ...pods.filter(({ status }) => status?.phase === 'Succeeded').map(finishedAtMs),
  );
  const since = failures.filter((time) => time >= lastSuccess);
  if (since.length === 0) return 0;
  const delayMs = Math.min(maxMs, baseMs * 2 ** (since.length - 1));
  return Math.max(0, Math.max(...since) + delayMs - now);
}

/** When the last container ended; when nothing says so, when the pod was made. */
function finishedAtMs({ metadata, status }: Pod): number {
  const ends = (status?.containerStatuses ?? []).map(({ state }) => msOf(state?.terminated?.finishedAt));
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return Math.max(...ends, 0) || msOf(ready?.lastTransitionTime) || msOf(metadata?.creationTimestamp);
}
