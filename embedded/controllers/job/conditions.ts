import { timestamp, type Job } from '../kinds.ts';

export type Condition = NonNullable<NonNullable<Job['status']>['conditions']>[number];

export function conditionOf({ status }: Job, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** The condition that ends a Job, Complete or Failed; undefined while it goes on. */
export function finishOf(job: Job): Condition | undefined {
  return ['Complete', 'Failed']
    .map((type) => conditionOf(job, type))
    .find((condition) => condition?.status === 'True');
}

/** The conditions with this one in place of any of its type; its time is kept while its status is the same. */
export function withCondition(
  conditions: readonly Condition[],
  condition: Condition,
  now: number,
): Condition[] {
  const known = conditions.find(({ type }) => type === condition.type);
  if (known?.status === condition.status && known.reason === condition.reason) return [...conditions];
  const time = timestamp(now);
  return [
    ...conditions.filter(({ type }) => type !== condition.type),
    { ...condition, lastProbeTime: time, lastTransitionTime: time },
  ];
}
