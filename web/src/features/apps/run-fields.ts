import type { Field, Option } from '../../components/record-form/index.ts';
import type { Translate } from '../../components/text.ts';
import type { runText } from './run-text.ts';

type Text = Translate<(typeof runText)['en']>;

const options = (t: Text, ...keys: Parameters<Text>[0][]): Option[] =>
  keys.map((value) => ({ value, label: (t as (key: Parameters<Text>[0]) => string)(value) }));

const kindIs = (...kinds: readonly string[]) => ({
  when: (record: Readonly<Record<string, unknown>>) => kinds.includes(record['kind'] as string),
});

const emptyProbe = {
  kind: 'HTTP',
  port: null,
  path: '/',
  headers: [],
  command: null,
  service: null,
  initialDelaySeconds: 0,
  periodSeconds: 3,
  timeoutSeconds: 5,
  successThreshold: 1,
  failureThreshold: 3,
} as const;

/** One probe, as ProbeInput has it. */
export function probeFields(t: Text): Field[] {
  const unit = t('seconds');
  return [
    {
      kind: 'choice',
      key: 'kind',
      label: t('kind'),
      options: [
        { value: 'HTTP', label: t('probeHttp') },
        { value: 'TCP', label: t('probeTcp') },
        { value: 'COMMAND', label: t('probeCommand') },
        { value: 'GRPC', label: t('probeGrpc') },
      ],
    },
    {
      kind: 'number',
      key: 'port',
      label: t('port'),
      min: 1,
      max: 65_535,
      placeholder: t('mainPort'),
      ...kindIs('HTTP', 'TCP', 'GRPC'),
    },
    { kind: 'text', key: 'path', label: t('path'), mono: true, placeholder: '/', ...kindIs('HTTP') },
    { kind: 'text', key: 'service', label: t('grpcService'), mono: true, ...kindIs('GRPC') },
    { kind: 'lines', key: 'command', label: t('command'), ...kindIs('COMMAND') },
    {
      kind: 'rows',
      key: 'headers',
      label: t('headers'),
      add: t('addHeader'),
      empty: { name: '', value: '' },
      fields: pairFields(t('name'), t('value'), 'name'),
      ...kindIs('HTTP'),
    },
    { kind: 'number', key: 'initialDelaySeconds', label: t('initialDelay'), unit, max: 3_600 },
    { kind: 'number', key: 'periodSeconds', label: t('period'), unit, min: 1, max: 3_600 },
    { kind: 'number', key: 'timeoutSeconds', label: t('timeout'), unit, min: 1, max: 600 },
    { kind: 'number', key: 'failureThreshold', label: t('failures'), min: 1, max: 1_000 },
    { kind: 'number', key: 'successThreshold', label: t('successes'), min: 1, max: 20 },
  ];
}

export function probesFields(t: Text): Field[] {
  const fields = probeFields(t);
  const part = (key: 'startup' | 'readiness' | 'liveness', failureThreshold: number): Field => ({
    kind: 'part',
    key,
    label: t(key),
    help: t(`${key}Help`),
    empty: { ...emptyProbe, failureThreshold },
    fields,
  });
  return [part('startup', 40), part('readiness', 3), part('liveness', 3)];
}

export function rolloutFields(t: Text): Field[] {
  const rolling = { when: (record: Readonly<Record<string, unknown>>) => record['strategy'] === 'ROLLING' };
  const help = t('numberOrPercent');
  return [
    { kind: 'choice', key: 'strategy', label: t('strategy'), options: options(t, 'ROLLING', 'RECREATE') },
    { kind: 'text', key: 'maxSurge', label: t('maxSurge'), help, ...rolling },
    { kind: 'text', key: 'maxUnavailable', label: t('maxUnavailable'), help, ...rolling },
    {
      kind: 'number',
      key: 'terminationGraceSeconds',
      label: t('grace'),
      help: t('graceHelp'),
      unit: t('seconds'),
      min: 1,
      max: 3_600,
    },
  ];
}

/** `apps` are the names of the team's other apps. */
export function placementFields(t: Text, apps: readonly string[]): Field[] {
  const names = apps.map((value) => ({ value, label: value }));
  const takesValues = {
    when: (record: Readonly<Record<string, unknown>>) => !String(record['operator']).endsWith('EXISTS'),
  };
  return [
    { kind: 'switch', key: 'spread', label: t('spread') },
    { kind: 'words', key: 'nearApps', label: t('nearApps'), options: names },
    { kind: 'words', key: 'awayFromApps', label: t('awayFromApps'), options: names },
    {
      kind: 'rows',
      key: 'nodes',
      label: t('nodes'),
      add: t('addNode'),
      empty: { key: '', operator: 'IN', values: [], required: true },
      fields: [
        { kind: 'text', key: 'key', label: t('label'), mono: true, placeholder: 'disk' },
        {
          kind: 'choice',
          key: 'operator',
          label: t('operator'),
          options: options(t, 'IN', 'NOT_IN', 'EXISTS', 'NOT_EXISTS'),
        },
        { kind: 'words', key: 'values', label: t('values'), placeholder: 'ssd', ...takesValues },
        { kind: 'switch', key: 'required', label: t('required'), help: t('requiredHelp') },
      ],
    },
    {
      kind: 'rows',
      key: 'labels',
      label: t('labels'),
      add: t('addLabel'),
      empty: { key: '', value: '' },
      fields: pairFields(t('label'), t('value'), 'key'),
    },
  ];
}

export function requestFields(t: Text): Field[] {
  return [
    { kind: 'number', key: 'cpuRequestMillis', label: t('cpu'), unit: t('millis'), step: 50, max: 64_000 },
    { kind: 'number', key: 'memoryRequestMb', label: t('memory'), unit: t('mb'), step: 64, max: 262_144 },
  ];
}

export function autoscalingFields(t: Text): Field[] {
  return [
    {
      kind: 'part',
      key: 'autoscaling',
      label: t('rule'),
      empty: {
        enabled: true,
        minReplicas: 1,
        maxReplicas: 5,
        metrics: [{ kind: 'CPU', target: 70 }],
        scaleDownDelaySeconds: 300,
      },
      fields: [
        { kind: 'number', key: 'minReplicas', label: t('minReplicas'), unit: t('pods'), min: 1, max: 100 },
        { kind: 'number', key: 'maxReplicas', label: t('maxReplicas'), unit: t('pods'), min: 1, max: 100 },
        {
          kind: 'number',
          key: 'scaleDownDelaySeconds',
          label: t('scaleDownDelay'),
          unit: t('seconds'),
          max: 3_600,
        },
        { kind: 'switch', key: 'enabled', label: t('enabled') },
        {
          kind: 'rows',
          key: 'metrics',
          label: t('metrics'),
          add: t('addMetric'),
          empty: { kind: 'REQUEST_RATE', target: 50 },
          fields: [
            {
              kind: 'choice',
              key: 'kind',
              label: t('metric'),
              options: options(t, 'CPU', 'MEMORY', 'REQUEST_RATE'),
            },
            { kind: 'number', key: 'target', label: t('target'), min: 1, max: 1_000_000 },
          ],
        },
      ],
    },
  ];
}

export function jobFields(t: Text, isScheduled: boolean): Field[] {
  const schedule: Field[] = [
    {
      kind: 'text',
      key: 'schedule',
      label: t('cron'),
      help: t('cronHelp'),
      mono: true,
      placeholder: '*/15 * * * *',
    },
    { kind: 'text', key: 'timeZone', label: t('timeZone'), placeholder: 'UTC' },
    {
      kind: 'choice',
      key: 'concurrency',
      label: t('concurrency'),
      options: options(t, 'FORBID', 'ALLOW', 'REPLACE'),
    },
    { kind: 'switch', key: 'suspended', label: t('suspended') },
  ];
  return [
    ...(isScheduled ? schedule : []),
    { kind: 'number', key: 'completions', label: t('completions'), min: 1, max: 1_000 },
    { kind: 'number', key: 'parallelism', label: t('parallelism'), min: 1, max: 100 },
    { kind: 'number', key: 'retries', label: t('retries'), max: 100 },
    { kind: 'number', key: 'deadlineSeconds', label: t('deadline'), unit: t('seconds'), max: 604_800 },
    { kind: 'number', key: 'keepSucceeded', label: t('keepSucceeded'), max: 50 },
    { kind: 'number', key: 'keepFailed', label: t('keepFailed'), max: 50 },
  ];
}

function pairFields(name: string, value: string, key: string): Field[] {
  return [
    { kind: 'text', key, label: name, mono: true },
    { kind: 'text', key: 'value', label: value, mono: true },
  ];
}
