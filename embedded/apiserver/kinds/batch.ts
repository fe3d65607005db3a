import { isDeepStrictEqual } from 'node:util';
import { cronProblem, isTimeZone } from '../../client/cron.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from '../field-error.ts';
import { defineKind } from '../kind.ts';
import { at, isObject, listAt, textAt, type ApiObject, type JsonObject } from '../object.ts';
import {
  ageColumn,
  ageText,
  countColumn,
  nameColumn,
  numberAt,
  pathColumn,
  templateColumns,
  wide,
} from './columns.ts';
import { oneOf, setPodSpecDefaults, setTemplateDefaults, validatePodSpec } from './pod-spec.ts';

const job = {
  group: 'batch',
  version: 'v1',
  categories: ['all'],
  generation: true,
  subresources: ['status'] as const,
  initialStatus: () => ({}),
};

export const jobs = defineKind({
  ...job,
  kind: 'Job',
  plural: 'jobs',
  setDefaults(each) {
    const spec = (each.spec ??= {});
    // Parallelism alone asks for a work queue: as many at once, until one succeeds.
    if (spec['parallelism'] === undefined) spec['completions'] ??= 1;
    spec['parallelism'] ??= 1;
    spec['backoffLimit'] ??= 6;
    spec['completionMode'] ??= 'NonIndexed';
    spec['suspend'] ??= false;
    spec['podReplacementPolicy'] ??= spec['podFailurePolicy'] ? 'Failed' : 'TerminatingOrFailed';
    for (const rule of listAt(spec, 'podFailurePolicy', 'rules')) {
      for (const pattern of listAt(rule, 'onPodConditions')) pattern['status'] ??= 'True';
    }
    const { uid, name } = each.metadata;
    const labels = { 'controller-uid': uid, 'job-name': name };
    if (!spec['selector']) {
      spec['selector'] = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
      const template = (spec['template'] ??= {}) as Record<string, unknown>;
      const metadata = (template['metadata'] ??= {}) as Record<string, unknown>;
      const prefixed = Object.entries(labels).map(([key, value]) => [`batch.kubernetes.io/${key}`, value]);
      metadata['labels'] = { ...(metadata['labels'] as object), ...labels, ...Object.fromEntries(prefixed) };
    }
    setTemplateDefaults(each);
  },
  validate: (each, old) => [
    ...validateJobSpec(each.spec ?? {}, 'spec'),
    ...(at(each, 'spec', 'manualSelector') === true || old ? [] : selectorErrors(each)),
    ...(old ? fixedErrors(each, old) : []),
  ],
  fields: { 'status.successful': (each) => String(numberAt(each, 'status', 'succeeded')) },
  columns: [
    nameColumn,
    { name: 'Status', value: jobStatusText },
    {
      name: 'Completions',
      value: (each) => {
        const done = numberAt(each, 'status', 'succeeded');
        const completions = textAt(each, 'spec', 'completions');
        if (completions) return `${done}/${completions}`;
        const parallelism = numberAt(each, 'spec', 'parallelism');
        return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
      },
    },
    {
      name: 'Duration',
      value: (each) => {
        const start = textAt(each, 'status', 'startTime');
        const end = Date.parse(textAt(each, 'status', 'completionTime')) || Date.now();
        return start ? ageText(start, end) : '';
      },
    },
    ageColumn,
    ...templateColumns,
  ],
});

/** What is not done here is refused and never silently left undone. */
const unsupported = ['backoffLimitPerIndex', 'maxFailedIndexes', 'successPolicy'];

function validateJobSpec(spec: JsonObject, path: string): FieldError[] {
  const podSpec = at(spec, 'template', 'spec');
  const policy = textAt(podSpec, 'restartPolicy');
  const isIndexed = spec['completionMode'] === 'Indexed';
  const rules = listAt(spec, 'podFailurePolicy', 'rules');
  return [
    ...validatePodSpec(podSpec, `${path}.template.spec`),
    ...(policy === 'OnFailure' || policy === 'Never'
      ? []
      : [notSupported(`${path}.template.spec.restartPolicy`, policy, ['OnFailure', 'Never'])]),
    ...[
      'completions',
      'parallelism',
      'backoffLimit',
      'activeDeadlineSeconds',
      'ttlSecondsAfterFinished',
    ].flatMap((name) =>
      Number(spec[name] ?? 0) >= 0
        ? []
        : [invalidValue(`${path}.${name}`, spec[name], 'must be greater than or equal to 0')],
    ),
    ...oneOf(`${path}.completionMode`, spec['completionMode'], ['NonIndexed', 'Indexed']),
    ...oneOf(`${path}.podReplacementPolicy`, spec['podReplacementPolicy'], ['TerminatingOrFailed', 'Failed']),
    ...(isIndexed && spec['completions'] === undefined
      ? [required(`${path}.completions`, 'when completion mode is Indexed')]
      : []),
    ...unsupported
      .filter((name) => spec[name] !== undefined)
      .map((name) => forbiddenField(`${path}.${name}`, 'is not supported by this server')),
    ...(rules.length > 0 && policy !== 'Never'
      ? [
          invalidValue(
            `${path}.template.spec.restartPolicy`,
            policy,
            'only "Never" is supported when podFailurePolicy is specified',
          ),
        ]
      : []),
    ...rules.flatMap((rule, i) => failureRuleErrors(rule, `${path}.podFailurePolicy.rules[${i}]`)),
  ];
}

function failureRuleErrors(rule: JsonObject, path: string): FieldError[] {
  const isOne = (rule['onExitCodes'] !== undefined) !== listAt(rule, 'onPodConditions').length > 0;
  const codes = at(rule, 'onExitCodes', 'values');
  return [
    ...oneOf(`${path}.action`, rule['action'], ['Count', 'FailJob', 'Ignore']),
    ...(rule['action'] === undefined ? [required(`${path}.action`)] : []),
    ...(isOne
      ? []
      : [invalidValue(path, '', 'specifying one of OnExitCodes and OnPodConditions is required')]),
    ...oneOf(`${path}.onExitCodes.operator`, at(rule, 'onExitCodes', 'operator'), ['In', 'NotIn']),
    ...(codes !== undefined && textAt(rule, 'onExitCodes', 'operator') === 'In' && [codes].flat().includes(0)
      ? [invalidValue(`${path}.onExitCodes.values`, 0, 'must not be 0 for the In operator')]
      : []),
  ];
}

function selectorErrors(each: ApiObject): FieldError[] {
  const own = { 'batch.kubernetes.io/controller-uid': each.metadata.uid };
  const given = at(each, 'spec', 'selector', 'matchLabels');
  return isDeepStrictEqual(given, own)
    ? []
    : [invalidValue('spec.selector', each.spec?.['selector'], '`selector` not auto-generated')];
}

/** A Job is one piece of work: what it is may not change, only how fast it goes. */
function fixedErrors(each: ApiObject, old: ApiObject): FieldError[] {
  // A Job that has not begun may still be placed elsewhere.
  const mayMove = at(old, 'spec', 'suspend') === true && at(old, 'status', 'startTime') === undefined;
  return ['completions', 'selector', 'completionMode', 'podFailurePolicy', 'template', 'managedBy']
    .filter((name) => !(name === 'template' && mayMove))
    .filter((name) => !isDeepStrictEqual(each.spec?.[name], old.spec?.[name]))
    .map((name) => invalidValue(`spec.${name}`, each.spec?.[name], 'field is immutable'));
}

function jobStatusText(each: ApiObject): string {
  const condition = listAt(each, 'status', 'conditions').find(
    (one) => one['status'] === 'True' && ['Complete', 'Failed', 'Suspended'].includes(textAt(one, 'type')),
  );
  return textAt(condition, 'type') || (each.metadata.deletionTimestamp ? 'Terminating' : 'Running');
}

/** The minute is appended to a CronJob's name to name its Jobs. */
const maxCronJobName = 52;

function jobSpecOf(each: ApiObject): JsonObject {
  const spec = at(each, 'spec', 'jobTemplate', 'spec');
  return isObject(spec) ? spec : {};
}

/** A schedule that was taken once stays acceptable until it changes. */
function scheduleErrors(each: ApiObject, old: ApiObject | undefined): FieldError[] {
  const schedule = textAt(each, 'spec', 'schedule');
  const timeZone = textAt(each, 'spec', 'timeZone');
  if (!schedule) return [required('spec.schedule')];
  if (old && schedule === textAt(old, 'spec', 'schedule') && timeZone === textAt(old, 'spec', 'timeZone'))
    return [];
  if (at(each, 'spec', 'timeZone') !== undefined && !isTimeZone(timeZone))
    return [invalidValue('spec.timeZone', timeZone, `unknown time zone ${timeZone}`)];
  const problem = cronProblem(schedule);
  return problem ? [invalidValue('spec.schedule', schedule, problem)] : [];
}

export const cronJobs = defineKind({
  ...job,
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  setDefaults(each) {
    const spec = (each.spec ??= {});
    spec['concurrencyPolicy'] ??= 'Allow';
    spec['suspend'] ??= false;
    spec['successfulJobsHistoryLimit'] ??= 3;
    spec['failedJobsHistoryLimit'] ??= 1;
    const podSpec = at(spec, 'jobTemplate', 'spec', 'template', 'spec');
    if (isObject(podSpec)) setPodSpecDefaults(podSpec);
  },
  validate: (each, old) => [
    ...scheduleErrors(each, old),
    ...oneOf('spec.concurrencyPolicy', at(each, 'spec', 'concurrencyPolicy'), ['Allow', 'Forbid', 'Replace']),
    ...['startingDeadlineSeconds', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit'].flatMap((name) =>
      Number(each.spec?.[name] ?? 0) >= 0
        ? []
        : [invalidValue(`spec.${name}`, each.spec?.[name], 'must be greater than or equal to 0')],
    ),
    ...(each.metadata.name.length > maxCronJobName
      ? [
          invalidValue(
            'metadata.name',
            each.metadata.name,
            `must be no more than ${maxCronJobName} characters`,
          ),
        ]
      : []),
    ...validateJobSpec(jobSpecOf(each), 'spec.jobTemplate.spec'),
  ],
  columns: [
    nameColumn,
    pathColumn('Schedule', ['spec', 'schedule']),
    pathColumn('Timezone', ['spec', 'timeZone'], '<none>'),
    { name: 'Suspend', value: (each) => (at(each, 'spec', 'suspend') === true ? 'True' : 'False') },
    countColumn('Active', (each) => listAt(each, 'status', 'active').length),
    {
      name: 'Last Schedule',
      value: (each) => {
        const last = textAt(each, 'status', 'lastScheduleTime');
        return last ? ageText(last) : '<none>';
      },
    },
    ageColumn,
    wide({
      name: 'Images',
      value: (each) =>
        listAt(each, 'spec', 'jobTemplate', 'spec', 'template', 'spec', 'containers')
          .map((one) => textAt(one, 'image'))
          .join(','),
    }),
  ],
});
