import type { Job, Pod } from '../kinds.ts';
import { podCondition } from '../pods.ts';

type Rule = NonNullable<NonNullable<Job['spec']>['podFailurePolicy']>['rules'][number];

export interface FailureJudgement {
  readonly action: 'FailJob' | 'Ignore' | 'Count';
  /** Why, in the words of Kubernetes; of FailJob only. */
  readonly message?: string;
}

/** What a failed pod means for its Job: the first rule that fits; it counts towards backoffLimit where none does. */
export function judgeFailure(job: Job, pod: Pod): FailureJudgement {
  for (const [index, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const reason = reasonOf(rule, pod);
    if (!reason) continue;
    if (rule.action === 'FailJob')
      return { action: 'FailJob', message: `${reason} matching FailJob rule at index ${index}` };
    return { action: rule.action === 'Ignore' ? 'Ignore' : 'Count' };
  }
  return { action: 'Count' };
}

function reasonOf(rule: Rule, pod: Pod): string | undefined {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  if (rule.onExitCodes) {
    const { containerName, operator, values } = rule.onExitCodes;
    const statuses = [
      ...(pod.status?.initContainerStatuses ?? []),
      ...(pod.status?.containerStatuses ?? []),
    ].filter((status) => !containerName || status.name === containerName);
    for (const status of statuses) {
      const code = status.state?.terminated?.exitCode;
      // Zero is a success, which no rule is about.
      if (!code || values.includes(code) !== (operator === 'In')) continue;
      return `Container ${status.name} for pod ${namespace}/${name} failed with exit code ${code}`;
    }
    return undefined;
  }
  const met = rule.onPodConditions?.find(
    ({ type, status = 'True' }) => podCondition(pod, type)?.status === status,
  );
  return met && `Pod ${namespace}/${name} has condition ${met.type}`;
}
