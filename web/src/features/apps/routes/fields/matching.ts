import { optionsOf } from '../../../../components/record-form/index.ts';
import type { Field } from '../../../../components/record-form/index.ts';
import { is, methods, type RouteChoices, type RouteTranslate } from './shared.ts';

/** Which requests it takes and where they go: RoutePolicyInput, first part. */
export function matchingFields(t: RouteTranslate, choices: RouteChoices): Field[] {
  return [
    {
      kind: 'choice',
      key: 'pathType',
      label: t('pathType'),
      options: optionsOf(['PREFIX', 'EXACT', 'REGEX'], (value) => t(value)),
    },
    {
      kind: 'part',
      key: 'match',
      label: t('match'),
      help: t('matchHelp'),
      empty: { headers: [], cookies: [], query: [], methods: [] },
      fields: matchFields(t),
    },
    {
      kind: 'part',
      key: 'split',
      label: t('split'),
      help: t('splitHelp'),
      empty: { targets: [], sticky: { by: 'COOKIE', cookieName: null, ttlSeconds: null } },
      fields: [
        {
          kind: 'rows',
          key: 'targets',
          label: t('targets'),
          add: t('add'),
          empty: {
            appId: choices.apps[0]?.value ?? '',
            port: choices.ports[0] ?? 80,
            weight: 50,
            match: null,
          },
          fields: [
            { kind: 'choice', key: 'appId', label: t('app'), options: choices.apps },
            { kind: 'number', key: 'port', label: t('port'), min: 1, max: 65_535 },
            { kind: 'number', key: 'weight', label: t('weight'), max: 1_000 },
            {
              kind: 'part',
              key: 'match',
              label: t('always'),
              empty: { headers: [], cookies: [], query: [], methods: [] },
              fields: matchFields(t),
            },
          ],
        },
        {
          kind: 'part',
          key: 'sticky',
          label: t('sticky'),
          empty: { by: 'COOKIE', cookieName: null, ttlSeconds: null },
          fields: [
            {
              kind: 'choice',
              key: 'by',
              label: t('by'),
              options: optionsOf(['COOKIE', 'CLIENT_IP'], (value) => t(value)),
            },
            { kind: 'text', key: 'cookieName', label: t('cookieName'), when: is('by', 'COOKIE') },
            {
              kind: 'number',
              key: 'ttlSeconds',
              label: t('ttl'),
              unit: t('seconds'),
              when: is('by', 'COOKIE'),
            },
          ],
        },
      ],
    },
    {
      kind: 'part',
      key: 'rewrite',
      label: t('rewrite'),
      empty: { kind: 'PREFIX', pattern: null, replacement: '/' },
      fields: [
        {
          kind: 'choice',
          key: 'kind',
          label: t('kind'),
          options: optionsOf(['PREFIX', 'REGEX'], (value) => t(`rewrite${value}`)),
        },
        { kind: 'text', key: 'pattern', label: t('pattern'), mono: true, when: is('kind', 'REGEX') },
        { kind: 'text', key: 'replacement', label: t('replacement'), mono: true },
      ],
    },
    {
      kind: 'part',
      key: 'redirect',
      label: t('redirect'),
      help: t('redirectHelp'),
      empty: { scheme: null, host: null, port: null, path: null, status: 302 },
      fields: [
        {
          kind: 'choice',
          key: 'scheme',
          label: t('scheme'),
          nullable: true,
          options: optionsOf(['HTTP', 'HTTPS']),
        },
        { kind: 'text', key: 'host', label: t('host'), mono: true },
        { kind: 'number', key: 'port', label: t('port'), min: 1, max: 65_535 },
        { kind: 'text', key: 'path', label: t('path'), mono: true },
        { kind: 'number', key: 'status', label: t('status'), min: 301, max: 308 },
      ],
    },
  ];
}

function matchFields(t: RouteTranslate): Field[] {
  const conditions = (key: 'headers' | 'cookies' | 'query'): Field => ({
    kind: 'rows',
    key,
    label: t(key),
    add: t('add'),
    empty: { name: '', op: 'EXACT', value: '' },
    fields: [
      { kind: 'text', key: 'name', label: t('name'), mono: true },
      {
        kind: 'choice',
        key: 'op',
        label: t('op'),
        options: optionsOf(['EXACT', 'PREFIX', 'REGEX', 'PRESENT', 'ABSENT'], (value) => t(`op${value}`)),
      },
      {
        kind: 'text',
        key: 'value',
        label: t('value'),
        mono: true,
        when: is('op', 'EXACT', 'PREFIX', 'REGEX'),
      },
    ],
  });
  return [
    conditions('headers'),
    conditions('cookies'),
    conditions('query'),
    { kind: 'words', key: 'methods', label: t('methods'), options: optionsOf(methods) },
  ];
}
