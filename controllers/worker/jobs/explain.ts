import type { KindTable } from '@skyarc/lib/kube';
import { diagnosePod, type Pod } from '../diagnose/index.ts';
import { endOf, failureSentenceOf } from './end.ts';

/** Why a run failed: what ended its last pod, and how often it was tried. */
export function explainEnd(job: KindTable['jobs'], pods: readonly Pod[]): string {
  const end = endOf(job);
  const sentence = end ? failureSentenceOf(job, end) : 'The run did not end';
  const last = pods
    .filter(({ status }) => status?.phase === 'Failed')
    .toSorted((a, b) => bornAt(b) - bornAt(a))[0];
  const found = last && end?.reason !== 'DeadlineExceeded' ? diagnosePod(last, Date.now()) : null;
  if (!found) return sentence;
  const times = job.status?.failed ?? 1;
  return times > 1 ? `${found.sentence}, ${times} times` : found.sentence;
}

function bornAt({ metadata }: Pod): number {
  return Date.parse(metadata?.creationTimestamp ?? '') || 0;
}
