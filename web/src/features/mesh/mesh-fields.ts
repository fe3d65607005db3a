import { optionsOf } from '../../components/record-form/index.ts';
import type { Field, Option } from '../../components/record-form/index.ts';
import type { Translate } from '../../components/text.ts';
import type { meshText } from './text.ts';

const reasons = ['UNAVAILABLE', 'INTERNAL', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED', 'CANCELLED'] as const;
type Text = Translate<(typeof meshText)['en']>;

export interface MeshChoices {
  /** Apps that it needs. */
  readonly needed: readonly Option[];
  /** Apps of the team, to which calls may be led. */
  readonly targets: readonly Option[];
}

/** The form of `MeshInput`, within a record `{ mesh }` that is null while the mesh is off. */
export function meshFields(t: Text, { needed, targets }: MeshChoices): Field[] {
  const rule: Field[] = [
    { kind: 'choice', key: 'appId', label: t('app'), options: needed },
    {
      kind: 'number',
      key: 'timeoutMs',
      label: t('timeoutMs'),
      unit: t('ms'),
      min: 1,
      help: t('timeoutHelp'),
    },
    ...policyFields(t),
    {
      kind: 'rows',
      key: 'routes',
      label: t('routes'),
      help: t('routesHelp'),
      add: t('addRoute'),
      empty: { headers: [], targets: [emptyTarget(targets)] },
      fields: routeFields(t, targets),
    },
  ];
  return [
    {
      kind: 'part',
      key: 'mesh',
      label: t('switch'),
      help: t('switchHelp', { example: 'xds:///app:port' }),
      empty: { rules: [] },
      fields: [
        {
          kind: 'rows',
          key: 'rules',
          label: t('rules'),
          add: t('addRule'),
          empty: { appId: needed[0]?.value ?? null, routes: [] },
          fields: rule,
        },
      ],
    },
  ];
}

function policyFields(t: Text): Field[] {
  const milliseconds = { kind: 'number', unit: t('ms'), min: 1 } as const;
  return [
    {
      kind: 'part',
      key: 'retries',
      label: t('retries'),
      empty: { attempts: 3, perTryTimeoutMs: null, on: ['UNAVAILABLE'] },
      fields: [
        { kind: 'number', key: 'attempts', label: t('attempts'), min: 1, max: 10 },
        { ...milliseconds, key: 'perTryTimeoutMs', label: t('perTryTimeoutMs') },
        {
          kind: 'words',
          key: 'on',
          label: t('on'),
          options: optionsOf(reasons),
        },
      ],
    },
    {
      kind: 'part',
      key: 'limits',
      label: t('limits'),
      empty: { maxRequests: 100, maxConnections: null },
      fields: [
        { kind: 'number', key: 'maxRequests', label: t('maxRequests'), min: 1 },
        { kind: 'number', key: 'maxConnections', label: t('maxConnections'), min: 1, help: t('byEnvoy') },
      ],
    },
    {
      kind: 'part',
      key: 'outlierDetection',
      label: t('outliers'),
      empty: {
        failurePercent: 50,
        minimumRequests: 10,
        intervalMs: 10_000,
        ejectionMs: 30_000,
        maxEjectionPercent: 50,
      },
      fields: [
        {
          kind: 'number',
          key: 'failurePercent',
          label: t('failurePercent'),
          unit: t('percent'),
          min: 1,
          max: 100,
        },
        { kind: 'number', key: 'minimumRequests', label: t('minimumRequests'), unit: t('calls'), min: 1 },
        { ...milliseconds, key: 'intervalMs', label: t('intervalMs') },
        { ...milliseconds, key: 'ejectionMs', label: t('ejectionMs') },
        {
          kind: 'number',
          key: 'maxEjectionPercent',
          label: t('maxEjectionPercent'),
          unit: t('ofPods'),
          min: 1,
          max: 100,
        },
      ],
    },
  ];
}

function routeFields(t: Text, targets: readonly Option[]): Field[] {
  return [
    {
      kind: 'rows',
      key: 'headers',
      label: t('headers'),
      add: t('addHeader'),
      empty: { name: '', exact: null, prefix: null },
      fields: [
        { kind: 'text', key: 'name', label: t('name'), mono: true },
        { kind: 'text', key: 'exact', label: t('exact'), mono: true },
        { kind: 'text', key: 'prefix', label: t('prefix'), mono: true },
      ],
    },
    {
      kind: 'rows',
      key: 'targets',
      label: t('targets'),
      add: t('addTarget'),
      empty: emptyTarget(targets),
      fields: [
        { kind: 'choice', key: 'appId', label: t('target'), options: targets },
        { kind: 'number', key: 'weight', label: t('weight') },
        { kind: 'text', key: 'instance', label: t('instance'), mono: true },
        { kind: 'switch', key: 'candidate', label: t('candidate') },
      ],
    },
  ];
}

function emptyTarget(targets: readonly Option[]) {
  return { appId: targets[0]?.value ?? null, candidate: false, instance: null, weight: 100 };
}
