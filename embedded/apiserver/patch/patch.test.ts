import { expect, test } from 'vitest';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';
import { strategicMergePatch } from './strategic-merge.ts';

const strategic = (target: object, patch: object): unknown =>
  strategicMergePatch(target, patch, 'core.v1.Pod');
const pod = (containers: object[]): object => ({ spec: { containers } });

test('a JSON patch adds, moves, copies, tests and removes without touching its target', () => {
  const target = { a: [1, 2], 'b/c': { d: 1 } };
  const patched = jsonPatch(target, [
    { op: 'test', path: '/b~1c/d', value: 1 },
    { op: 'add', path: '/a/-', value: 3 },
    { op: 'add', path: '/a/0', value: 0 },
    { op: 'copy', from: '/a', path: '/e' },
    { op: 'move', from: '/b~1c/d', path: '/f' },
    { op: 'remove', path: '/a/1' },
  ]);
  expect(patched).toEqual({ a: [0, 2, 3], 'b/c': {}, e: [0, 1, 2, 3], f: 1 });
  expect(target).toEqual({ a: [1, 2], 'b/c': { d: 1 } });
});

test.each([
  [[{ op: 'remove', path: '/no' }], 422],
  [[{ op: 'add', path: '/a/5', value: 1 }], 422],
  [[{ op: 'replace', path: '/a/1/constructor', value: 1 }], 422],
  [[{ op: 'add', path: 'a', value: 1 }], 400],
  [[{ op: 'fly', path: '/a' }], 400],
  [{ op: 'add' }, 400],
])('the JSON patch %j is refused with %i', (patch, status) => {
  expect(() => jsonPatch({ a: [1] }, patch)).toThrow(
    expect.objectContaining({ details: expect.objectContaining({ status }) }),
  );
});

test('a merge patch replaces lists, removes nulls and cannot reach a prototype', () => {
  expect(mergePatch({ a: [1], b: { c: 1, d: 2 } }, { a: [2], b: { c: null } })).toEqual({
    a: [2],
    b: { d: 2 },
  });
  mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}'));
  expect('polluted' in {}).toBe(false);
});

test('a strategic patch merges lists by their key, deletes, replaces and orders items', () => {
  const two = pod([{ name: 'a', image: '1', env: [{ name: 'X', value: '1' }] }, { name: 'b' }]);
  expect(strategic(two, pod([{ name: 'a', image: '2', env: [{ name: 'Y', value: '2' }] }]))).toEqual(
    pod([
      {
        name: 'a',
        image: '2',
        env: [
          { name: 'X', value: '1' },
          { name: 'Y', value: '2' },
        ],
      },
      { name: 'b' },
    ]),
  );
  expect(strategic(two, pod([{ $patch: 'delete', name: 'a' }]))).toEqual(pod([{ name: 'b' }]));
  expect(strategic(two, pod([{ $patch: 'replace' }, { name: 'c' }]))).toEqual(pod([{ name: 'c' }]));
  const order = {
    spec: {
      '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
      containers: [{ name: 'a', image: '3' }],
    },
  };
  expect(strategic(two, order)).toMatchObject(pod([{ name: 'b' }, { name: 'a', image: '3' }]));
});

test('finalizers are a set, tolerations are replaced', () => {
  const target = { metadata: { finalizers: ['a'] }, spec: { tolerations: [{ key: 'x' }] } };
  const patch = { metadata: { finalizers: ['a', 'b'] }, spec: { tolerations: [{ key: 'y' }] } };
  expect(strategic(target, patch)).toEqual({
    metadata: { finalizers: ['a', 'b'] },
    spec: { tolerations: [{ key: 'y' }] },
  });
  const less = { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } };
  expect(strategic(target, less)).toMatchObject({ metadata: { finalizers: [] } });
});
