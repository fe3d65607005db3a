import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { withChoices } from './drafts.ts';
import { parseTemplate, wholeOf } from './template.ts';

const sdl = readFileSync(join(import.meta.dirname, '../../../schema/apps.graphql'), 'utf8');
const schema = buildSubgraphSchema([{ typeDefs: parse(sdl) }]);
const read = (text: string, variables: Readonly<Record<string, string>> = {}) =>
  parseTemplate(text, { schema, variables: new Map(Object.entries(variables)) });

const shop = `skyarc: template/1
name: shop
apps:
  - name: web
    source: { git: { url: https://git.example.test/shop.git, branch: main, subdirectory: web } }
    run: { replicas: 2, healthPath: /up }
    env:
      - { name: KEY, secret: true }
      - { name: LEVEL, value: info }
    ports: [{ port: 3000 }]
    volumes: [{ name: files, kind: APP, mountPath: /files, sourceApp: db, sourceVolume: data }]
    dependsOn: [db]
  - name: db
    source: { image: { reference: "postgres:16" } }
    run: { workload: STATEFUL, memoryMb: 512 }
    volumes: [{ name: data, kind: SHARED, mountPath: /data, sizeMb: 100 }]
`;

test('a template becomes apps; what has no value in it gets one', () => {
  const { apps, notes } = read(shop, { KEY: 'k' });
  expect(notes).toEqual([]);
  expect(apps.map(({ name, line, workload, replicas }) => [name, line, workload, replicas])).toEqual([
    ['web', 4, 'STATELESS', 2],
    ['db', 13, 'STATEFUL', 1],
  ]);
  expect(apps[0]?.whole).toMatchObject({
    env: [{ name: 'KEY', value: 'k', secret: true }, { value: 'info' }],
    ports: [{ port: 3000, protocol: 'HTTP', public: true }],
  });
  expect(read(shop).notes).toEqual([
    {
      level: 'ERROR',
      line: 4,
      service: 'web',
      message: 'The variable KEY has no value: give it one beside the template',
    },
  ]);
});

test('answers of a person go through all of a template', () => {
  const { apps } = read(shop, { KEY: 'k' });
  const chosen = withChoices(apps, [{ service: 'db', name: 'data', memoryMb: 256 }], () => undefined);
  const [web, db] = chosen.map((one) => wholeOf(one as (typeof apps)[number]));
  expect(web).toMatchObject({ dependsOn: ['data'], volumes: [{ sourceApp: 'data', sourceVolume: 'data' }] });
  expect(web?.run).toMatchObject({ healthPath: '/up', replicas: 2 });
  expect(db).toMatchObject({ name: 'data', run: { workload: 'STATEFUL', memoryMb: 256 } });
});

test.each([
  ['skyarc: template/9\napps: []', 1, /It is no template/],
  ['[1', 1, /Flow sequence/],
  [`skyarc: ${'['.repeat(50_000)}${']'.repeat(50_000)}`, 1, /call stack/],
  ['skyarc: template/1\n__proto__: { apps: [] }', 1, /__proto__/],
  ['skyarc: template/1\napps:\n  - name: a\n    source: {}\n    runs: {}', 3, /"runs" is not defined/],
  [
    'skyarc: template/1\napps:\n  - name: a\n    source: {}\n    run:\n      replicas: many',
    6,
    /apps.0.run.replicas: .*Int/,
  ],
  ['skyarc: template/1\napps:\n  - name: a\n    source: { upload: { id: x } }', 3, /uploaded archive/],
  ['skyarc: template/1\napps:\n  - { name: a, source: { template: x }, dependsOn: [b] }', 3, /no app "b"/],
  ['skyarc: template/1\napps:\n  - &a { name: a, source: { template: x } }\n  - *a', 3, /same name/],
])('%# a text that is no template is refused at its line', (text, line, message) => {
  expect(read(text).notes).toContainEqual(
    expect.objectContaining({ level: 'ERROR', line, message: expect.stringMatching(message) }),
  );
});
