import { expect, test } from 'vitest';
import { listAt, type ApiObject, type JsonObject } from '../object.ts';
import { Application } from './application.ts';
import { trackUpdate } from './track.ts';

const metadata = { name: 'web', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' };
const pod = (spec: JsonObject, more: JsonObject = {}): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...metadata, ...more },
  spec,
});
const config = (spec: JsonObject, more: JsonObject = {}): ApiObject =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', ...more }, spec }) as unknown as ApiObject;

function apply(live: ApiObject | undefined, manager: string, given: ApiObject, force = false): ApiObject {
  const application = new Application(given, { manager, force });
  const { object, managedFields } = live ? application.applied(live) : application.created();
  return { ...object, metadata: { ...metadata, ...object.metadata, managedFields } };
}

const env = (...names: string[]): JsonObject[] => names.map((name) => ({ name, value: name }));
const namesOf = (object: ApiObject): unknown =>
  listAt(object, 'spec', 'containers', 0, 'env').map(({ name }) => name);

test('a keyed list has the order of who applies, and keeps the items of others among them', () => {
  const container = (...names: string[]): JsonObject => ({
    containers: [{ name: 'a', image: 'x', env: env(...names) }],
  });
  const first = apply(undefined, 'one', config(container('A', 'B', 'C')));
  const other = apply(first, 'two', config({ containers: [{ name: 'a', env: env('X') }] }));
  expect(namesOf(other)).toEqual(['A', 'B', 'C', 'X']);
  expect(namesOf(apply(other, 'one', config(container('C', 'A'))))).toEqual(['C', 'A', 'X']);
});

test('what nobody names any more goes with the defaults below it; what another names stays', () => {
  const probe = { httpGet: { path: '/', port: 80 } };
  const first = apply(
    undefined,
    'one',
    config({ containers: [{ name: 'a', image: 'x', livenessProbe: probe }] }),
  );
  const [container] = listAt(first, 'spec', 'containers') as { livenessProbe: JsonObject }[];
  if (container) container.livenessProbe['timeoutSeconds'] = 1;
  const without = config({ containers: [{ name: 'a', image: 'x' }] });
  expect(apply(first, 'one', without).spec).toEqual({ containers: [{ name: 'a', image: 'x' }] });
  const shared = apply(
    first,
    'two',
    config({ containers: [{ name: 'a', livenessProbe: { httpGet: { port: 80 } } }] }),
  );
  expect(apply(shared, 'one', without).spec).toEqual({
    containers: [{ name: 'a', image: 'x', livenessProbe: { httpGet: { port: 80 }, timeoutSeconds: 1 } }],
  });
});

test('the same value can have two owners; another value is a conflict, or taken by force', () => {
  const first = apply(undefined, 'one', config({ nodeName: 'a' }, { finalizers: ['x/y'] }));
  const second = apply(first, 'two', config({ nodeName: 'a' }, { finalizers: ['x/z'] }));
  expect(second.metadata.finalizers).toEqual(['x/y', 'x/z']);
  expect(() => apply(second, 'two', config({ nodeName: 'b' }))).toThrow(
    'conflict with "one": .spec.nodeName',
  );
  const forced = apply(second, 'two', config({ nodeName: 'b' }), true);
  expect(forced.spec).toEqual({ nodeName: 'b' });
  const [one] = forced.metadata.managedFields as { manager: string; fieldsV1: object }[];
  expect(one).toMatchObject({
    manager: 'one',
    fieldsV1: { 'f:metadata': { 'f:finalizers': { 'v:"x/y"': {} } } },
  });
  expect(one?.fieldsV1).not.toHaveProperty('f:spec');
});

test('plain writes own what they change, and an object that nobody applied has no owners', () => {
  const plain = pod({ nodeName: 'a' });
  const changed = pod({ nodeName: 'b' });
  trackUpdate(plain, changed, { manager: 'someone' });
  expect(changed.metadata.managedFields).toBeUndefined();
  const applied = apply(plain, 'one', config({ nodeName: 'a' }));
  const later = structuredClone(applied);
  later.spec = { nodeName: 'b', hostname: 'h' };
  trackUpdate(applied, later, { manager: 'someone' });
  const of = (manager: string): object | undefined =>
    (later.metadata.managedFields as { manager: string; fieldsV1: object }[]).find(
      (each) => each.manager === manager,
    )?.fieldsV1;
  expect(of('someone')).toEqual({ 'f:spec': { 'f:nodeName': {}, 'f:hostname': {} } });
  expect(of('one')).toBeUndefined();
  expect(() => apply(later, 'one', config({ nodeName: 'c' }))).toThrow('conflict with "someone" using v1');
});

test('refuses lists that have two items of one key, and items without it', () => {
  const twice = config({ containers: [{ name: 'a' }, { name: 'a' }] });
  expect(() => apply(undefined, 'one', twice)).toThrow('two items of the same key');
  expect(() => apply(undefined, 'one', config({ containers: [{ image: 'x' }] }))).toThrow(
    'lacks its key "name"',
  );
});

test('names of fields do no harm', () => {
  const labels = JSON.parse('{"__proto__":"x","constructor":"y"}') as JsonObject;
  const first = apply(undefined, 'one', config({}, { labels }));
  const second = apply(pod({}), 'one', config({}, { labels }));
  for (const { metadata: made } of [first, second])
    expect(Object.keys(made.labels ?? {})).toEqual(Object.keys(labels));
  expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
});
