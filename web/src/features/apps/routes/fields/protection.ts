import { optionsOf } from '../../../../components/record-form/index.ts';
import type { Field } from '../../../../components/record-form/index.ts';
import { keyFields, methods, type RouteTranslate } from './shared.ts';

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
        methods: [...methods],
        headers: [],
        exposeHeaders: [],
        credentials: false,
        maxAgeSeconds: 600,
      },
      fields: [
        { kind: 'words', key: 'origins', label: t('origins'), placeholder: 'https://shop.example.com' },
        { kind: 'words', key: 'originPatterns', label: t('originPatterns') },
        { kind: 'words', key: 'methods', label: t('methods'), options: optionsOf(methods) },
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
        { kind: 'secret', key: 'password', label: t('password'), placeholder: `•••• ${t('passwordStored')}` },
      ],
    },
  ];
}
