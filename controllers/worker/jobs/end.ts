import type { KindTable } from '@skyarc/lib/kube';

export interface JobEnd {
  readonly status: 'SUCCEEDED' | 'FAILED';
  readonly at: Date;
  /** Kubernetes' word for why it failed, e.g. `BackoffLimitExceeded`. */
  readonly reason: string | null;
}

/** How a run ended; null while it goes on. */
export function endOf({ status }: KindTable['jobs']): JobEnd | null {
  for (const { type, status: holds, reason, lastTransitionTime } of status?.conditions ?? []) {
    if (holds !== 'True' || (type !== 'Complete' && type !== 'Failed')) continue;
    const at = new Date(status?.completionTime ?? lastTransitionTime ?? Date.now());
    return { status: type === 'Complete' ? 'SUCCEEDED' : 'FAILED', at, reason: reason ?? null };
  }
  return null;
}

/** Why a run failed, in one sentence. */
export function failureSentenceOf({ spec, status }: KindTable['jobs'], { reason }: JobEnd): string {
  if (reason === 'DeadlineExceeded') {
    return `The run did not end within its ${spec?.activeDeadlineSeconds} s`;
  }
  const failed = status?.failed ?? 0;
  return failed > 1 ? `The run failed ${failed} times` : 'The run failed';
}
