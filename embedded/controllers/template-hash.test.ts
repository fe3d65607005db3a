import { expect, test } from 'vitest';
import { hashLabel, sameTemplate, templateHash } from './template-hash.ts';

const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'web:1', env: [{ name: 'A', value: '1' }] }] },
};

test('the hash is stable: a change of it would roll every Deployment out anew', () => {
  expect(templateHash(template)).toBe('s982xbkq9d');
});

test('neither key order, absent values nor the label itself matter', () => {
  const same = {
    spec: {
      containers: [{ image: 'web:1', env: [{ value: '1', name: 'A' }], name: 'web', ports: [] }],
      nodeSelector: {},
    },
    metadata: { labels: { [hashLabel]: 'x', app: 'web' }, annotations: undefined },
  };
  expect(templateHash(same)).toBe(templateHash(template));
  expect(sameTemplate(same, template)).toBe(true);
});

test('any change of meaning gives another hash, and so does a collision', () => {
  const other = { ...template, spec: { containers: [{ name: 'web', image: 'web:2' }] } };
  expect(templateHash(other)).not.toBe(templateHash(template));
  expect(templateHash(template, 1)).not.toBe(templateHash(template));
  expect(sameTemplate(other, template)).toBe(false);
});
