import { expect, test } from 'vitest';
import { grantingRight, ruleAllows } from './rbac.ts';

const rule = {
  apiGroups: ['', 'apps'],
  resources: ['pods', 'deployments/scale', '*/status'],
  verbs: ['get', 'update'],
};

test.each([
  [{ verb: 'get', group: '', resource: 'pods' }, true],
  [{ verb: 'delete', group: '', resource: 'pods' }, false],
  [{ verb: 'get', group: 'batch', resource: 'pods' }, false],
  [{ verb: 'get', group: '', resource: 'pods', subresource: 'log' }, false],
  [{ verb: 'update', group: 'apps', resource: 'deployments', subresource: 'scale' }, true],
  [{ verb: 'update', group: 'apps', resource: 'deployments' }, false],
  [{ verb: 'get', group: 'apps', resource: 'statefulsets', subresource: 'status' }, true],
  [{ verb: 'get', path: '/metrics' }, false],
])('%j: %s', (wanted, expected) => {
  expect(ruleAllows(rule, wanted)).toBe(expected);
});

test('a rule of names is about these objects alone', () => {
  const named = { apiGroups: [''], resources: ['secrets'], resourceNames: ['a'], verbs: ['*'] };
  expect(ruleAllows(named, { verb: 'get', group: '', resource: 'secrets', name: 'a' })).toBe(true);
  expect(ruleAllows(named, { verb: 'get', group: '', resource: 'secrets', name: 'b' })).toBe(false);
  expect(ruleAllows(named, { verb: 'list', group: '', resource: 'secrets' })).toBe(false);
});

test('paths end with a star or are meant exactly', () => {
  const paths = { nonResourceURLs: ['/metrics', '/logs/*'], verbs: ['get'] };
  const may = (path: string) => ruleAllows(paths, { verb: 'get', path });
  expect([may('/metrics'), may('/metrics/x'), may('/logs/x/y'), may('/log')]).toEqual([
    true,
    false,
    true,
    false,
  ]);
});

test('handing out rights takes a right of its own', () => {
  const group = 'rbac.authorization.k8s.io';
  expect(grantingRight({ verb: 'create', group, resource: 'roles' })).toMatchObject({ verb: 'escalate' });
  expect(grantingRight({ verb: 'patch', group, resource: 'clusterrolebindings', name: 'x' })).toEqual({
    verb: 'bind',
    group,
    resource: 'clusterroles',
    name: undefined,
  });
  expect(grantingRight({ verb: 'delete', group, resource: 'roles' })).toBeUndefined();
  expect(grantingRight({ verb: 'create', group: '', resource: 'pods' })).toBeUndefined();
});
