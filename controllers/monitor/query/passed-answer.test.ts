import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startMonitorServer } from '../server.ts';
import { PassedAnswer } from './passed-answer.ts';

const token = 'token-of-this-test';
const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

let answered = 0;

/** A query to a monitor whose only Prometheus answers so. */
async function ask(prometheus: RequestListener | null, signal?: AbortSignal): Promise<Response> {
  const shard = createServer(prometheus ?? undefined).listen(0, '127.0.0.1');
  await once(shard, 'listening');
  const url = `http://127.0.0.1:${(shard.address() as AddressInfo).port}`;
  const stop = async (): Promise<void> => {
    shard.closeAllConnections();
    await new Promise((resolve) => shard.close(resolve));
  };
  if (prometheus) cleanups.push(stop);
  else await stop();
  answered = 0;
  const route = {
    methods: ['GET'],
    pattern: /^\/query$/,
    handle: () =>
      Promise.resolve(new PassedAnswer({ url, path: '/q?x=1', onAnswered: () => (answered += 1) })),
  };
  const monitor = await startMonitorServer({ host: '127.0.0.1', port: 0, token }, [route]);
  cleanups.push(() => monitor.stop());
  const headers = { authorization: `Bearer ${token}` };
  return fetch(`${monitor.url}/query`, { headers, ...(signal ? { signal } : {}) });
}

test('an answer comes as it was given, small or in many pieces', async () => {
  const small = await ask((request, response) => response.end(`{"of":"${request.url}"}`));
  expect(await small.text()).toBe('{"of":"/q?x=1"}');
  expect(answered).toBe(1);
  const piece = 'x'.repeat(300_000);
  const large = await ask((_, response) => {
    for (let number = 0; number < 20; number += 1) response.write(piece);
    response.end('end');
  });
  expect(await large.text()).toBe(`${piece.repeat(20)}end`);
  expect(large.headers.get('content-type')).toContain('application/json');
});

test('a refusal is told in our words', async () => {
  const refused = await ask((_, response) => {
    response.writeHead(400).end('{"status":"error","errorType":"bad_data","error":"parse error"}');
  });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    code: 'INVALID',
    errorType: 'bad_data',
    message: 'parse error',
  });
  const odd = await ask((_, response) => response.writeHead(502).end('<html>'));
  expect(await odd.json()).toMatchObject({ code: 'UNAVAILABLE' });
  const away = await ask(null);
  expect(await away.json()).toMatchObject({ code: 'UNAVAILABLE' });
  expect(answered).toBe(0);
});

test('half an answer is never taken for a whole one', async () => {
  const torn = await ask((_, response) => {
    response.write('{"status":"success","data":');
    setTimeout(() => response.destroy(), 50);
  });
  await expect(torn.text()).rejects.toThrow();
  expect(answered).toBe(0);
});

test('a question whose asker is gone is given up', async () => {
  const asker = new AbortController();
  let closed: Promise<unknown> | undefined;
  const asked = Promise.withResolvers<void>();
  const asking = ask((_, response) => {
    closed = once(response, 'close');
    asked.resolve();
  }, asker.signal);
  await asked.promise;
  asker.abort();
  await expect(asking).rejects.toThrow();
  await closed;
});
