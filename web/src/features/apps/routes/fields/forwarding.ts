import { optionsOf } from '../../../../components/record-form/index.ts';
import type { Field } from '../../../../components/record-form/index.ts';
import { is, keyFields, type RouteTranslate } from './shared.ts';

/** How it passes requests on: RoutePolicyInput, second part. */
export function forwardingFields(t: RouteTranslate): Field[] {
  const unit = t('seconds');
  return [
    {
      kind: 'choice',
      key: 'protocol',
      label: t('protocol'),
      options: optionsOf(['HTTP', 'HTTPS', 'GRPC', 'GRPCS']),
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
          options: optionsOf(['ROUND_ROBIN', 'LEAST_CONNECTIONS', 'HASH'], (value) => t(value)),
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
          options: optionsOf(['ERROR', 'TIMEOUT', 'HTTP_5XX'], (value) => t(value)),
        },
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
