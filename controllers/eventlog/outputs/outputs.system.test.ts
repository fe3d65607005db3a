import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@skyarc/lib/contracts';
import { createEventLogClient, type EventLogClient } from '@skyarc/lib/eventlog-client';
import { ensureSecretBox, type SecretBox } from '@skyarc/lib/secretbox';
import { type DataCenterDatabase, openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { start } from '../main.ts';

const syslogPort = 21_660;
const poll = { timeout: 60_000 };
const cleanups: (() => unknown)[] = [];
let folder: string;
let db: DataCenterDatabase;
let secretBox: SecretBox;
let client: EventLogClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-outputs-'));
  db = await openDataCenterDatabase({ file: join(folder, 'datacenter.db') });
  secretBox = await ensureSecretBox(join(folder, 'secret.key'));
  await db.team.create({
    data: { name: 'blue', namespace: 'skyarc-blue', sshPublicKey: '', sshPrivateKey: '' },
  });
  const config = {
    port: 0,
    ingestPort: 0,
    statusPort: 0,
    dataDir: join(folder, 'eventlog'),
    outputsEveryMs: 50,
  };
  const service = await start(config, { db, secretBox });
  client = createEventLogClient(service.url);
  cleanups.push(
    () => rm(folder, { recursive: true, force: true }),
    () => db.$disconnect(),
    () => service.stop(),
    () => client.close(),
  );
});
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

async function newApp(): Promise<string> {
  const id = newId('local', 'app');
  const source = JSON.stringify({ kind: 'TEMPLATE', template: 'hello-node' });
  const name = id.split('.').at(-1) as string;
  await db.app.create({ data: { id, teamName: 'blue', groupId: 'g', name, displayName: name, source } });
  return id;
}

/** An output for one test: apps that are there already begin at their end. */
async function newOutput(
  kind: string,
  settings: object,
  secret?: string,
  teamName: string | null = null,
): Promise<string> {
  const id = newId('local', 'logoutput');
  const sealed = secret === undefined ? null : secretBox.seal(secret, `logoutput:${id}`);
  const row = { id, teamName, name: id, kind, settings: JSON.stringify(settings), secret: sealed };
  await db.logOutput.create({ data: row });
  cleanups.push(() => db.logOutput.deleteMany({ where: { id } }));
  return id;
}

const errorOf = async (id: string) => (await db.logOutput.findUniqueOrThrow({ where: { id } })).lastError;

async function write(appId: string, from: number, to: number): Promise<void> {
  const frames = Array.from({ length: to - from + 1 }, (_, index) => ({
    stream: `app/${appId}`,
    line: `line ${from + index} "ä" ]`,
    source: 'pod-1/web',
    level: 'info',
    channel: 'stdout' as const,
    timeMs: 1_760_000_000_000 + from + index,
    producer: appId,
    producerSeq: from + index,
  }));
  await client.append(frames);
}

const expected = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function startRsyslog(): Promise<ChildProcess> {
  const config = join(folder, 'rsyslog.conf');
  await writeFile(
    config,
    `global(workDirectory="${folder}" parser.escapeControlCharactersOnReceive="off")
module(load="imptcp")
module(load="imudp")
template(name="all" type="string" string="%pri%|%timestamp:::date-rfc3339%|%hostname%|%app-name%|%procid%|%structured-data%|%msg%\\n")
input(type="imptcp" address="127.0.0.1" port="${syslogPort}")
input(type="imudp" address="127.0.0.1" port="${syslogPort}")
action(type="omfile" file="${folder}/received.log" template="all")
`,
  );
  const child = spawn('rsyslogd', ['-n', '-f', config, '-i', join(folder, 'rsyslog.pid')], {
    stdio: 'ignore',
  });
  cleanups.push(() => child.kill('SIGKILL'));
  return child;
}

async function received(appId: string): Promise<string[]> {
  const text = await readFile(join(folder, 'received.log'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line.includes(`appId="${appId}"`));
}

/** Each line at least once; the first appearances are in order. */
function numbersIn(lines: readonly string[]): number[] {
  return [...new Set(lines.map((line) => Number(/line (\d+) /.exec(line)?.[1])))];
}

test('rsyslog gets every line in order, also those that were written while it was away', async () => {
  let rsyslog = await startRsyslog();
  const output = await newOutput('SYSLOG', { host: '127.0.0.1', port: syslogPort, transport: 'TCP' });
  const app = await newApp();
  await write(app, 1, 50);
  await expect.poll(async () => numbersIn(await received(app)), poll).toEqual(expected(1, 50));
  const [first = ''] = await received(app);
  const [priority, time, host, name, process, data, message] = first.split('|');
  expect([priority, host, name, process]).toEqual(['134', 'pod-1', app.split('.').at(-1), 'web']);
  expect(Date.parse(time ?? '')).toBe(1_760_000_000_001);
  expect(data).toBe(`[skyarc@32473 team="blue" appId="${app}" sequence="1"]`);
  expect(message?.trim()).toBe('line 1 "ä" ]');
  rsyslog.kill('SIGTERM');
  await once(rsyslog, 'exit');
  await write(app, 51, 90);
  await expect.poll(() => errorOf(output), poll).toContain('does not take lines');
  rsyslog = await startRsyslog();
  await expect.poll(async () => numbersIn(await received(app)), poll).toEqual(expected(1, 90));
  await expect.poll(() => errorOf(output), poll).toBeNull();
  await newOutput('SYSLOG', { host: '127.0.0.1', port: syslogPort, transport: 'UDP' });
  const other = await newApp();
  await write(other, 1, 5);
  await expect.poll(async () => (await received(other)).length, poll).toBeGreaterThanOrEqual(10);
});

/** An HTTP server that answers with what the handler says. */
async function serve(
  handler: (request: http.IncomingMessage, body: string) => { status: number; body?: unknown },
): Promise<string> {
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const answer = handler(request, body);
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Grafana Loki HTTP API, "Ingest logs": what its push endpoint takes. */
const lokiPush = z.strictObject({
  streams: z
    .array(
      z.strictObject({
        stream: z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string()),
        values: z.array(z.tuple([z.string().regex(/^\d{19}$/), z.string()])).min(1),
      }),
    )
    .min(1),
});

test('Loki gets pushes as its API wants them, again after a refusal', async () => {
  const seen: { labels: Record<string, string>; line: string }[] = [];
  const problems: unknown[] = [];
  let calls = 0;
  const url = await serve((request, body) => {
    if (request.url !== '/loki/api/v1/push' || request.headers['content-type'] !== 'application/json')
      problems.push(request.url);
    if (request.headers.authorization !== `Basic ${Buffer.from('tenant:hidden').toString('base64')}`)
      return { status: 401 };
    if ((calls += 1) === 1) return { status: 503 };
    const push = lokiPush.safeParse(JSON.parse(body));
    if (!push.success) problems.push(push.error);
    for (const { stream, values } of push.data?.streams ?? [])
      for (const [, line] of values) seen.push({ labels: stream, line });
    return { status: 204 };
  });
  await newOutput('LOKI', { url, username: 'tenant' }, 'hidden');
  const app = await newApp();
  await write(app, 1, 30);
  const mine = () => seen.filter(({ labels }) => labels['app'] === app.split('.').at(-1));
  await expect.poll(() => numbersIn(mine().map(({ line }) => line)), poll).toEqual(expected(1, 30));
  expect(mine()[0]?.labels).toMatchObject({
    job: 'skyarc',
    team: 'blue',
    pod: 'pod-1',
    container: 'web',
    level: 'info',
  });
  expect(problems).toEqual([]);
});

/** Elasticsearch reference, "Bulk API": an action, then a document. */
const bulkAction = z.strictObject({ create: z.strictObject({ _id: z.string().min(1).max(512) }) });
const bulkDocument = z.looseObject({ '@timestamp': z.iso.datetime(), message: z.string() });

test('Elasticsearch gets bulks, and a line that it refused for now again', async () => {
  const documents = new Map<string, string>();
  const problems: unknown[] = [];
  let isBusy = true;
  const url = await serve((request, body) => {
    if (request.url !== '/app-logs/_bulk' || request.headers['content-type'] !== 'application/x-ndjson')
      problems.push(request.url);
    if (request.headers.authorization !== 'Bearer token') return { status: 401 };
    if (!body.endsWith('\n')) problems.push('no newline at the end');
    const rows = body
      .trimEnd()
      .split('\n')
      .map((row) => JSON.parse(row) as unknown);
    const items = [];
    for (let at = 0; at < rows.length; at += 2) {
      const { create } = bulkAction.parse(rows[at]);
      const { message } = bulkDocument.parse(rows[at + 1]);
      if (documents.has(create._id))
        items.push({ create: { _id: create._id, status: 409, error: { reason: 'exists' } } });
      else if (isBusy && at >= 10)
        items.push({ create: { _id: create._id, status: 429, error: { reason: 'busy' } } });
      else {
        documents.set(create._id, message);
        items.push({ create: { _id: create._id, status: 201 } });
      }
    }
    const errors = items.some(({ create }) => create.status >= 300);
    if (errors) isBusy = false;
    return { status: 200, body: { took: 1, errors, items } };
  });
  await newOutput('ELASTICSEARCH', { url: `${url}/`, username: '', index: 'app-logs' }, 'token');
  const app = await newApp();
  await write(app, 1, 40);
  const mine = () => [...documents].flatMap(([id, message]) => (id.startsWith(app) ? [message] : []));
  await expect.poll(() => numbersIn(mine()), poll).toEqual(expected(1, 40));
  expect(problems).toEqual([]);
});

test("a team's output reaches no private address", async () => {
  let calls = 0;
  const url = await serve(() => ({ status: (calls += 1) > 0 ? 204 : 500 }));
  const output = await newOutput('LOKI', { url, username: '' }, undefined, 'blue');
  await write(await newApp(), 1, 3);
  await expect.poll(() => errorOf(output), poll).toContain('loopback');
  expect(calls).toBe(0);
});
