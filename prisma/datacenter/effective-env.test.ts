import { expect, test } from 'vitest';
import { effectiveEnv, type EnvApp, portAliasesOf, providedVariables } from './effective-env.ts';
import { expandText } from './expand.ts';

const db: EnvApp = {
  id: 'local.app.bbbbbbbbbbbbbbbb',
  name: 'my-db',
  team: 'blue',
  ports: [
    { port: 5432, protocol: 'TCP', public: false, alias: null },
    { port: 9187, protocol: 'HTTP', public: false, alias: 'METRICS' },
    { port: 9999, protocol: 'TCP', public: false, alias: null },
  ],
  variables: [
    { name: 'DB_USER', value: 'shop', secret: false, scope: 'BOTH' },
    { name: 'DB_PASSWORD', value: 's3cret', secret: true, scope: 'SELF' },
    {
      name: 'DATABASE_URL',
      value: 'postgres://${DB_USER}:${DB_PASSWORD}@${MY_DB_HOST}:${MY_DB_PORT}/${NO_SUCH}',
      secret: true,
      scope: 'DEPENDENTS',
    },
  ],
  configSets: [],
  versionNumber: 3,
};
const web = {
  ...db,
  id: 'local.app.aaaaaaaaaaaaaaaa',
  name: 'web',
  ports: [{ port: 8080, protocol: 'HTTP', public: true, alias: null }],
  variables: [{ name: 'METRICS_HOST', value: 'mine ${PORT}', secret: false, scope: 'SELF' as const }],
  configSets: [
    {
      name: 'shared',
      variables: [
        { name: 'MY_DB_9999_HOST', value: 'elsewhere', secret: false },
        { name: 'PORT', value: '9000', secret: false },
        { name: 'REGION', value: 'eu', secret: true },
      ],
    },
  ],
  providers: [db],
};
const values = () => Object.fromEntries(effectiveEnv(web).map((each) => [each.name, each]));

test('an app gets the platform, its sets, its providers and itself, the last word last', () => {
  expect(values()).toMatchObject({
    PORT: { value: '9000', origin: 'CONFIG_SET', originName: 'shared' },
    SKYARC_APP: { value: 'web', origin: 'PLATFORM', originName: null },
    SKYARC_VERSION: { value: '3' },
    REGION: { value: 'eu', secret: true },
    DB_USER: { value: 'shop', origin: 'DEPENDENCY', originName: 'my-db' },
    MY_DB_9999_HOST: { value: 'elsewhere', origin: 'CONFIG_SET' },
    MY_DB_HOST: { value: 'my-db', origin: 'DEPENDENCY' },
    MY_DB_PORT: { value: '5432' },
    METRICS_HOST: { value: 'mine ${PORT}', origin: 'APP', originName: null },
    METRICS_PORT: { value: '9187', origin: 'DEPENDENCY' },
  });
  expect(values()).not.toHaveProperty('DB_PASSWORD');
});

test('connection information stands for the values of the app that gives it', () => {
  expect(values()['DATABASE_URL']).toMatchObject({
    value: 'postgres://shop:s3cret@my-db:5432/${NO_SUCH}',
    secret: true,
  });
  expect(providedVariables(db).map(({ name }) => name)).toContain('MY_DB_9999_PORT');
  const own = effectiveEnv({ ...db, providers: [] }).map(({ name }) => name);
  expect(own).toContain('DB_PASSWORD');
  expect(own).not.toContain('DATABASE_URL');
});

test('the first port is named after the app, further ones carry their number, an alias wins', () => {
  expect([...portAliasesOf(db, db.ports).values()]).toEqual(['MY_DB', 'METRICS', 'MY_DB_9999']);
});

test('of two providers that say the same, the first by name is heard', () => {
  const other = { ...db, name: 'other', variables: [{ ...db.variables[0]!, value: 'other' }] };
  const found = effectiveEnv({ ...web, providers: [db, other] }).find(({ name }) => name === 'DB_USER');
  expect(found?.originName).toBe('my-db');
});

test.each([
  ['${A}', 'one'],
  ['$${A}', '${A}'],
  ['${A:-x} ${E:-empty} ${B:-} ${B}', 'one empty  ${B}'],
  ['$A ${a-b} ${', '$A ${a-b} ${'],
  ['${LOOP}', '${LOOP}'],
])('"%s" reads "%s"', (text, expected) => {
  const known = new Map([
    ['A', 'one'],
    ['E', ''],
    ['LOOP', '${LOOP}'],
  ]);
  expect(expandText(text, known)).toBe(expected);
});
