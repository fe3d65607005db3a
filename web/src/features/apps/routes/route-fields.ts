import type { Field, FormRecord, Option } from '../../../components/record-form/index.ts';
import type { Translate } from '../../../components/text.ts';
import type { routeText } from './text.ts';

export type RouteTranslate = Translate<(typeof routeText)['en']>;

/** What a route can choose among. */
export interface RouteChoices {
  readonly ports: readonly number[];
  readonly apps: readonly Option[];
  readonly certificates: readonly Option[];
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((value) => ({
  value,
  label: value,
}));

const is =
  (key: string, ...wanted: readonly string[]) =>
  (record: FormRecord): boolean =>
    wanted.includes(record[key] as string);

/** Host, path and port, as RouteInput has them. */
export function placeFields(t: RouteTranslate, choices: RouteChoices): Field[] {
  return [
    { kind: 'text', key: 'host', label: t('host'), mono: true, placeholder: 'shop.example.com' },
    { kind: 'text', key: 'path', label: t('path'), mono: true, placeholder: '/' },
    {
      kind: 'choice',
      key: 'port',
      label: t('port'),
      options: choices.ports.map((port) => ({ value: port, label: String(port) })),
    },
    {
      kind: 'choice',
      key: 'certificateId',
      label: t('certificate'),
      help: t('certificateHelp'),
      nullable: true,
      options: choices.certificates,
    },
    { kind: 'switch', key: 'enabled', label: t('enabled') },
  ];
}

/** Which requests it takes and where they go: RoutePolicyInput, first part. */
export function matchingFields(t: RouteTranslate, choices: RouteChoices): Field[] {
  return [
    {
      kind: 'choice',
      key: 'pathType',
      label: t('pathType'),
      options: (['PREFIX', 'EXACT', 'REGEX'] as const).map((value) => ({ value, label: t(value) })),
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
              options: (['COOKIE', 'CLIENT_IP'] as const).map((value) => ({ value, label: t(value) })),
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
          options: (['PREFIX', 'REGEX'] as const).map((value) => ({ value, label: t(`rewrite${value}`) })),
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
          options: ['HTTP', 'HTTPS'].map((value) => ({ value, label: value })),
        },
        { kind: 'text', key: 'host', label: t('host'), mono: true },
        { kind: 'number', key: 'port', label: t('port'), min: 1, max: 65_535 },
        { kind: 'text', key: 'path', label: t('path'), mono: true },
        { kind: 'number', key: 'status', label: t('status'), min: 301, max: 308 },
      ],
    },
  ];
}

/** How it passes requests on: RoutePolicyInput, second part. */
export function forwardingFields(t: RouteTranslate): Field[] {
  const unit = t('seconds');
  return [
    {
      kind: 'choice',
      key: 'protocol',
      label: t('protocol'),
      options: ['HTTP', 'HTTPS', 'GRPC', 'GRPCS'].map((value) => ({ value, label: value })),
    },
    { kind: 'text', key: 'upstreamHost', label: t('upstreamHost'), mono: true },
    { kind: 'text', key: 'maxBodyBytes', label: `${t('maxBody')} (${t('bytes')})` },
    { kind: 'switch', key: 'compress', label: t('compress') },
    headerEdits(t, 'requestHeaders'),
    headerEdits(t, 'responseHeaders'),
    {
      kind: 'part',
      key: 'timeouts',
      label: t('timeouts'),
      empty: { connectSeconds: 5, sendSeconds: 60, readSeconds: 60 },
      fields: [
        { kind: 'number', key: 'connectSeconds', label: t('connect'), unit, max: 75 },
        { kind: 'number', key: 'sendSeconds', label: t('send'), unit, max: 86_400 },
        { kind: 'number', key: 'readSeconds', label: t('read'), unit, max: 86_400 },
      ],
    },
    {
      kind: 'part',
      key: 'buffering',
      label: t('buffering'),
      empty: { request: true, response: true },
      fields: [
        { kind: 'switch', key: 'request', label: t('request') },
        { kind: 'switch', key: 'response', label: t('response') },
      ],
    },
    {
      kind: 'block',
      key: 'balance',
      label: t('balance'),
      fields: [
        {
          kind: 'choice',
          key: 'kind',
          label: t('balance'),
          options: (['ROUND_ROBIN', 'LEAST_CONNECTIONS', 'HASH'] as const).map((value) => ({
            value,
            label: t(value),
          })),
        },
        {
          kind: 'part',
          key: 'of',
          label: t('key'),
          empty: { by: 'IP', name: null },
          fields: keyFields(t, 'URI', 'IP', 'HEADER', 'COOKIE'),
          when: is('kind', 'HASH'),
        },
      ],
    },
    {
      kind: 'part',
      key: 'stickySession',
      label: t('stickySession'),
      empty: { cookieName: 'skyarc-session', ttlSeconds: null },
      fields: [
        { kind: 'text', key: 'cookieName', label: t('cookieName'), mono: true },
        { kind: 'number', key: 'ttlSeconds', label: t('ttl'), unit },
      ],
    },
    {
      kind: 'part',
      key: 'retries',
      label: t('retries'),
      empty: { tries: 2, timeoutMs: null, on: ['ERROR', 'TIMEOUT'] },
      fields: [
        { kind: 'number', key: 'tries', label: t('tries'), max: 5 },
        { kind: 'number', key: 'timeoutMs', label: t('timeoutMs'), unit: t('ms') },
        {
          kind: 'words',
          key: 'on',
          label: t('on'),
          options: (['ERROR', 'TIMEOUT', 'HTTP_5XX'] as const).map((value) => ({ value, label: t(value) })),
        },
      ],
    },
  ];
}

/** What it guards: RoutePolicyInput, last part, and the users of basic authentication. */
export function protectionFields(t: RouteTranslate): Field[] {
  const unit = t('seconds');
  return [
    { kind: 'switch', key: 'httpsRedirect', label: t('httpsRedirect') },
    {
      kind: 'part',
      key: 'hsts',
      label: t('hsts'),
      empty: { maxAgeSeconds: 31_536_000, includeSubDomains: false, preload: false },
      fields: [
        { kind: 'number', key: 'maxAgeSeconds', label: t('maxAge'), unit },
        { kind: 'switch', key: 'includeSubDomains', label: t('includeSubDomains') },
        { kind: 'switch', key: 'preload', label: t('preload') },
      ],
    },
    {
      kind: 'part',
      key: 'rateLimit',
      label: t('rateLimit'),
      empty: { requests: 100, perSeconds: 1, burst: 50, key: { by: 'IP', name: null }, status: 429 },
      fields: [
        { kind: 'number', key: 'requests', label: t('requests'), min: 1 },
        { kind: 'number', key: 'perSeconds', label: t('perSeconds'), unit, min: 1, max: 3_600 },
        { kind: 'number', key: 'burst', label: t('burst') },
        { kind: 'number', key: 'status', label: t('status'), min: 400, max: 599 },
        { kind: 'block', key: 'key', label: t('key'), fields: keyFields(t, 'IP', 'HEADER', 'ROUTE') },
      ],
    },
    {
      kind: 'part',
      key: 'connectionLimit',
      label: t('connectionLimit'),
      empty: { perIp: 20, total: null, status: 503 },
      fields: [
        { kind: 'number', key: 'perIp', label: t('perIp'), min: 1 },
        { kind: 'number', key: 'total', label: t('total'), min: 1 },
        { kind: 'number', key: 'status', label: t('status'), min: 400, max: 599 },
      ],
    },
    { kind: 'words', key: 'ipAllow', label: t('ipAllow'), placeholder: '10.0.0.0/8' },
    { kind: 'words', key: 'ipDeny', label: t('ipDeny'), placeholder: '192.0.2.7' },
    {
      kind: 'part',
      key: 'cors',
      label: t('cors'),
      empty: {
        origins: [],
        originPatterns: [],
        methods: methods.map(({ value }) => value),
        headers: [],
        exposeHeaders: [],
        credentials: false,
        maxAgeSeconds: 600,
      },
      fields: [
        { kind: 'words', key: 'origins', label: t('origins'), placeholder: 'https://shop.example.com' },
        { kind: 'words', key: 'originPatterns', label: t('originPatterns') },
        { kind: 'words', key: 'methods', label: t('methods'), options: methods },
        { kind: 'words', key: 'headers', label: t('allowedHeaders') },
        { kind: 'words', key: 'exposeHeaders', label: t('exposeHeaders') },
        { kind: 'number', key: 'maxAgeSeconds', label: t('maxAge'), unit },
        { kind: 'switch', key: 'credentials', label: t('credentials') },
      ],
    },
  ];
}

/** Users that must give a password; null passwords keep what is stored. */
export function basicAuthFields(t: RouteTranslate): Field[] {
  return [
    {
      kind: 'rows',
      key: 'basicAuth',
      label: t('basicAuth'),
      add: t('addUser'),
      empty: { name: '', password: null },
      fields: [
        { kind: 'text', key: 'name', label: t('name') },
        { kind: 'text', key: 'password', label: t('password'), placeholder: `•••• ${t('passwordStored')}` },
      ],
    },
  ];
}

function headerEdits(t: RouteTranslate, key: 'requestHeaders' | 'responseHeaders'): Field {
  const fields: Field[] = [
    { kind: 'text', key: 'name', label: t('name'), mono: true },
    { kind: 'text', key: 'value', label: t('value'), mono: true },
  ];
  const empty = { name: '', value: '' };
  return {
    kind: 'part',
    key,
    label: t(key),
    empty: { set: [], add: [], remove: [] },
    fields: [
      { kind: 'rows', key: 'set', label: t('set'), add: t('add'), empty, fields },
      { kind: 'rows', key: 'add', label: t('addMore'), add: t('add'), empty, fields },
      { kind: 'words', key: 'remove', label: t('removeNames') },
    ],
  };
}

function keyFields(
  t: RouteTranslate,
  ...kinds: readonly ('URI' | 'IP' | 'HEADER' | 'COOKIE' | 'ROUTE')[]
): Field[] {
  return [
    {
      kind: 'choice',
      key: 'by',
      label: t('by'),
      options: kinds.map((value) => ({ value, label: t(`key${value}`) })),
    },
    { kind: 'text', key: 'name', label: t('name'), mono: true, when: is('by', 'HEADER', 'COOKIE') },
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
        options: (['EXACT', 'PREFIX', 'REGEX', 'PRESENT', 'ABSENT'] as const).map((value) => ({
          value,
          label: t(`op${value}`),
        })),
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
    { kind: 'words', key: 'methods', label: t('methods'), options: methods },
  ];
}
