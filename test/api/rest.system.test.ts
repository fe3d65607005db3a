import https from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestClient } from './data-center-client.ts';
import { type DataCenterWorld, startDataCenter } from './world.ts';

let world: DataCenterWorld;
let api: TestClient;
beforeAll(async () => {
  world = await startDataCenter({ etcd: 20_580, etcdPeer: 20_581, api: 20_582 });
  api = new TestClient(world);
});
afterAll(async () => {
  api?.close();
  await world?.stop();
});

interface Answer {
  readonly status: number;
  // What a test reads of an answer is its own affair.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

/** A call as the console, for a team. */
function call(method: string, path: string, body?: unknown, team = 'blue'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      'x-skyarc-teams': team,
      'x-skyarc-actor': 'ann%40example.test',
      'content-type': 'application/json',
    };
    const options = { method, headers, ca: world.authority.cert, ...world.console };
    const request = https.request(`${world.api.url}/rest/${path}`, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    request.once('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

test('an app is made, read, changed and refused as by GraphQL', async () => {
  const input = {
    groupId: 'g1',
    name: 'shop',
    source: { git: { url: 'https://git.example.test/shop.git', branch: 'main' } },
    ports: [{ port: 80 }],
  };
  const made = await call('POST', 'createApp', { input });
  expect(made).toMatchObject({ status: 200, body: { name: 'shop', state: 'NEW', run: { replicas: 1 } } });
  const { id } = made.body;
  const change = {
    id,
    input: { routes: [{ host: 'shop.test', port: 80, policy: { httpsRedirect: true } }] },
  };
  expect(await call('POST', 'updateApp', change)).toMatchObject({ status: 200, body: { operation: null } });
  expect(await call('GET', `app?id=${id}`)).toMatchObject({
    status: 200,
    body: {
      name: 'shop',
      routes: [{ host: 'shop.test', policy: { httpsRedirect: true } }],
      volumes: [],
      teamName: 'blue',
    },
  });
  expect(await call('GET', 'apps?fields=name%20run%20%7B%20replicas%20%7D')).toEqual({
    status: 200,
    body: [{ name: 'shop', run: { replicas: 1 } }],
  });
  expect((await call('GET', 'apps')).body).toHaveLength(1);
  expect(await call('GET', `apps?ids=${id}&ids=x&fields=id`)).toEqual({ status: 200, body: [{ id }] });
  const page = encodeURIComponent(JSON.stringify({ last: 1 }));
  const source = encodeURIComponent(JSON.stringify({ kind: 'APP', id }));
  expect(await call('GET', `log?source=${source}&page=${page}`)).toMatchObject({
    status: 200,
    body: { lines: [] },
  });
  expect(await call('GET', 'operations?first=5&active=true')).toEqual({
    status: 200,
    body: { items: [], next: null },
  });
  // Refusals.
  expect(await call('POST', 'createApp', { input })).toMatchObject({
    status: 409,
    body: { code: 'CONFLICT', message: 'Cannot create app "shop": name is taken in team "blue"' },
  });
  expect(await call('POST', 'updateApp', { id, input: { run: { replicas: 99 } } })).toMatchObject({
    status: 400,
    body: { code: 'INVALID', details: { field: 'run.replicas' } },
  });
  expect(await call('GET', `app?id=${id}`, undefined, 'red')).toEqual({ status: 200, body: null });
  expect((await call('POST', 'startApp', { id }, 'red')).status).toBe(404);
  expect((await call('GET', 'createApp')).body.message).toBe('Cannot use GET for createApp: use POST');
  expect((await call('GET', 'nothing')).status).toBe(404);
  expect((await call('GET', 'operations?first=many')).body.message).toBe(
    'Cannot read the argument first: it is no Int',
  );
  expect((await call('GET', 'apps?fields=secret')).status).toBe(400);
  expect((await call('GET', 'apps?fields=%7D%20x%20%7B')).status).toBe(400);
  expect((await call('POST', 'deleteApp', [id])).status).toBe(400);
});

test('everything is described, and every reference leads somewhere', async () => {
  const { status, body } = await call('GET', 'openapi.json');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    openapi: '3.1.0',
    paths: { '/apps': { get: {} }, '/startGroup': { post: {} } },
  });
  const { body: schema } = await graphql(
    '{ __schema { queryType { fields { name } } mutationType { fields { name } } } }',
  );
  const fields = [...schema.queryType.fields, ...schema.mutationType.fields].map(
    ({ name }: { name: string }) => `/${name}`,
  );
  expect(new Set(Object.keys(body.paths))).toEqual(new Set(fields));
  const references = JSON.stringify(body).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g);
  for (const [, part = '', name = ''] of references) expect(body.components[part], name).toHaveProperty(name);
  expect(body.components.schemas.App.properties.state).toMatchObject({
    $ref: '#/components/schemas/AppState',
  });
  expect(body.components.schemas.Volume.properties.sizeMb.type).toEqual(['integer', 'null']);
});

async function graphql(text: string): Promise<Answer> {
  return { status: 200, body: (await api.ask(text)).__schema };
}

test('every read answers with everything that it has', async () => {
  const skip = new Set([
    'explainRequest',
    'terminalRecording',
    'terminalSession',
    'log',
    // Of monitoring, which is not here.
    'metrics',
    'queryMetrics',
    'alerts',
    'alertRules',
    'silences',
    // For administrators.
    'queueTopics',
    'dnsServers',
    'clusterDnsServers',
    'deadLetters',
  ]);
  const { body } = await call('GET', 'openapi.json');
  for (const [path, item] of Object.entries(
    body.paths as Record<string, { get?: { parameters: { name?: string; required?: boolean }[] } }>,
  )) {
    if (!item.get || skip.has(path.slice(1))) continue;
    const needed = item.get.parameters.filter(({ required, name }) => required && name);
    const query = needed.map(({ name }) => `${name}=x`).join('&');
    const answer = await call('GET', `${path.slice(1)}?${query}`);
    expect([200, 404], `${path}: ${JSON.stringify(answer.body).slice(0, 300)}`).toContain(answer.status);
  }
});
