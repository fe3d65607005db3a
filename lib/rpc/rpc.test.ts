import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import {
  AggregatedDiscoveryService,
  DeltaDiscoveryResponseSchema,
} from '@skyarc/lib/contracts/generated/envoy/service/discovery/v3/discovery_pb.js';
import { PublishResponseSchema, QueueService } from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { AppError } from '@skyarc/lib/errors';
import { afterEach, expect, test } from 'vitest';
import { createRpcClient, directCall, directStream, fromConnectError, startRpcServer } from './index.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function serve(tls?: Parameters<typeof startRpcServer>[0]['tls']) {
  const server = await startRpcServer({
    host: '127.0.0.1',
    port: 0,
    tls,
    drainMs: 2_000,
    routes: (router) =>
      router.service(QueueService, {
        async publish(request) {
          if (request.topic === 'bug') throw new Error('secret detail');
          if (request.topic === 'slow') await new Promise((resolve) => setTimeout(resolve, 300));
          if (!request.topic) {
            throw new AppError('EXHAUSTED', 'Cannot publish: no topic', { details: { retryAfterMs: 70 } });
          }
          return create(PublishResponseSchema, { sequence: 7n });
        },
        async *subscribe(request, context) {
          yield { messageId: request.topic };
          if (request.topic === 'broken')
            throw new AppError('CONFLICT', 'Cannot go on', { details: { at: 1 } });
          await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
        },
      }),
  });
  cleanups.push(() => server.stop());
  return server;
}

test('one port answers HTTP/1.1 JSON, Connect over HTTP/2 and gRPC', async () => {
  const { url } = await serve();
  const json = await fetch(`${url}/skyarc.mq.v1.QueueService/Publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ topic: 't' }),
  });
  expect(await json.json()).toEqual({ sequence: '7' });
  const client = createRpcClient(QueueService, { url });
  cleanups.push(() => client.close());
  expect((await client.calls.publish({ topic: 't' })).sequence).toBe(7n);
  const sessionManager = new Http2SessionManager(url);
  cleanups.push(() => sessionManager.abort());
  const grpc = createClient(QueueService, createGrpcTransport({ baseUrl: url, sessionManager }));
  expect((await grpc.publish({ topic: 't' })).sequence).toBe(7n);
});

test('a stream of answers is lines of JSON for who asks with plain JSON', async () => {
  const server = await serve();
  const ask = (body: string, signal?: AbortSignal) =>
    fetch(`${server.url}/skyarc.mq.v1.QueueService/Subscribe`, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body,
      ...(signal ? { signal } : {}),
    });
  const live = await ask('{"topic":"t"}');
  expect(live.headers.get('content-type')).toBe('application/x-ndjson');
  const reader = live.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toBe('{"messageId":"t"}\n');
  // What went well first ends in a line that says so.
  const lines = (await (await ask('{"topic":"broken"}')).text()).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { messageId: 'broken' },
    { error: { code: 'aborted', message: 'Cannot go on' } },
  ]);
  const unread = await ask('{"topic":');
  expect(unread.status).toBe(400);
  expect(await unread.json()).toMatchObject({ code: 'invalid_argument' });
  expect((await ask(JSON.stringify({ topic: 'x'.repeat(5 << 20) }))).status).toBe(429);
  // Who goes away is let go, and who stays is let go by the server's end.
  const leaving = new AbortController();
  await ask('{"topic":"left"}', leaving.signal);
  leaving.abort();
  await server.stop();
  expect(await reader?.read()).toMatchObject({ done: true });
});

test('an AppError arrives as it was thrown, and an unexpected one hides its message', async () => {
  const { url } = await serve();
  const client = createRpcClient(QueueService, { url });
  cleanups.push(() => client.close());
  await expect(client.calls.publish({})).rejects.toMatchObject({
    name: 'AppError',
    code: 'EXHAUSTED',
    message: 'Cannot publish: no topic',
    details: { retryAfterMs: 70 },
  });
  await expect(client.calls.publish({ topic: 'bug' })).rejects.toMatchObject({
    code: 'INTERNAL',
    message: expect.not.stringContaining('secret') as string,
  });
  const seen: string[] = [];
  await expect(async () => {
    for await (const delivery of client.calls.subscribe({ topic: 'broken' })) seen.push(delivery.messageId);
  }).rejects.toMatchObject({ code: 'CONFLICT', details: { at: 1 } });
  expect(seen).toEqual(['broken']);
});

test('stop ends streams, lets a running call finish, and a dead server is UNAVAILABLE', async () => {
  const server = await serve();
  const client = createRpcClient(QueueService, { url: server.url });
  cleanups.push(() => client.close());
  const stream = client.calls.subscribe({ topic: 't' })[Symbol.asyncIterator]();
  await stream.next();
  const running = client.calls.publish({ topic: 'slow' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const stopped = server.stop();
  expect((await running).sequence).toBe(7n);
  await Promise.allSettled([stream.next()]);
  await stopped;
  await expect(client.calls.publish({ topic: 't' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('of several servers the next is asked when one is gone, for calls and for streams', async () => {
  const [first, second] = [await serve(), await serve()];
  const client = createRpcClient(QueueService, { url: `${first.url},${second.url}` });
  cleanups.push(() => client.close());
  const live = client.calls.subscribe({ topic: 't' })[Symbol.asyncIterator]();
  expect((await live.next()).done).toBe(false);
  await first.stop();
  // Whoever was served by it is told, and asks again.
  await Promise.allSettled([live.next(), client.calls.publish({ topic: 't' })]);
  expect((await client.calls.publish({ topic: 't' })).sequence).toBe(7n);
  const again = client.calls.subscribe({ topic: 't' })[Symbol.asyncIterator]();
  expect((await again.next()).value).toMatchObject({ messageId: 't' });
  // What a server refuses is its answer, and no reason to ask another.
  await expect(client.calls.publish({})).rejects.toMatchObject({ code: 'EXHAUSTED' });
  expect((await client.calls.publish({ topic: 't' })).sequence).toBe(7n);
});

test('a byte-wise client and a silent one do no harm', async () => {
  const server = await serve();
  const port = Number(new URL(server.url).port);
  const socket = connect(port, '127.0.0.1');
  cleanups.push(() => void socket.destroy());
  for (const byte of 'GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n') {
    socket.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
  expect(answer).toMatch(/^HTTP\/1.1 404/);
});

test('mutual TLS lets in only whom its authority knows', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-rpc-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const authority = await CertificateAuthority.ensure(folder, 'test');
  const leaf = await authority.issue({ commonName: 'server', names: ['127.0.0.1'], usage: 'server' });
  const shown = await authority.issue({ commonName: 'client', usage: 'client' });
  const { url } = await serve({ cert: leaf.cert, key: leaf.key, clientCa: authority.cert });
  const known = createRpcClient(QueueService, {
    url,
    tls: { ca: authority.cert, cert: shown.cert, key: shown.key },
  });
  const stranger = createRpcClient(QueueService, { url, tls: { ca: authority.cert } });
  cleanups.push(
    () => known.close(),
    () => stranger.close(),
  );
  expect((await known.calls.publish({ topic: 't' })).sequence).toBe(7n);
  await expect(stranger.calls.publish({ topic: 't' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test.each(['plain', 'tls'] as const)('a call answered directly looks like any other, %s', async (kind) => {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-rpc-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const authority = await CertificateAuthority.ensure(folder, 'test');
  const tls = await authority.issue({ commonName: 'server', names: ['127.0.0.1'], usage: 'server' });
  const seen: string[] = [];
  const server = await startRpcServer({
    host: '127.0.0.1',
    port: 0,
    readMaxBytes: 1_000,
    ...(kind === 'tls' ? { tls: { cert: tls.cert, key: tls.key } } : {}),
    routes: (router) => router.service(QueueService, { publish: () => ({ sequence: 1n }) }),
    direct: [
      directCall(QueueService.method.publish, async ({ topic }, headers) => {
        seen.push(headers.get('Authorization') ?? '');
        if (topic === 'slow') await new Promise((resolve) => setTimeout(resolve, 300));
        if (!topic)
          throw new AppError('EXHAUSTED', 'Cannot publish: näher "x"', { details: { retryAfterMs: 70 } });
        return { sequence: 2n };
      }),
    ],
  });
  cleanups.push(() => server.stop());
  const nodeOptions = { ca: authority.cert };
  const client = createRpcClient(QueueService, { url: server.url, tls: nodeOptions });
  const sessionManager = new Http2SessionManager(server.url, undefined, nodeOptions);
  cleanups.push(() => sessionManager.abort());
  cleanups.push(() => client.close());
  const grpc = createClient(QueueService, createGrpcTransport({ baseUrl: server.url, sessionManager }));
  const headers = { authorization: 'Bearer x' };
  expect((await client.calls.publish({ topic: 't' }, { headers })).sequence).toBe(2n);
  expect((await grpc.publish({ topic: 't' }, { headers })).sequence).toBe(2n);
  expect(seen).toEqual(['Bearer x', 'Bearer x']);
  expect((await client.calls.publish({ topic: 't' }, { timeoutMs: 5_000 })).sequence).toBe(2n);
  await expect(client.calls.publish({ topic: 'slow' }, { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'TIMEOUT',
  });
  for (const call of [
    () => client.calls.publish({}),
    () =>
      grpc.publish({}).catch((error: unknown) => {
        throw fromConnectError(error);
      }),
  ]) {
    await expect(call()).rejects.toMatchObject({
      code: 'EXHAUSTED',
      message: 'Cannot publish: näher "x"',
      details: { retryAfterMs: 70 },
    });
  }
  const large = { topic: 't', body: new Uint8Array(2_000) };
  await expect(client.calls.publish(large)).rejects.toMatchObject({ code: 'EXHAUSTED' });
  await expect(grpc.publish(large)).rejects.toMatchObject({ code: Code.ResourceExhausted });
});

function partOf(init: MessageInitShape<typeof DeltaDiscoveryResponseSchema>): Uint8Array {
  return toBinary(DeltaDiscoveryResponseSchema, create(DeltaDiscoveryResponseSchema, init));
}

/** Answers each type that is asked for, in two parts; one that is named `bad` is an error, `bye` the end. */
async function serveDirectStream() {
  const closed = Promise.withResolvers<void>();
  const server = await startRpcServer({
    host: '127.0.0.1',
    port: 0,
    readMaxBytes: 1_000,
    directStreams: [
      directStream(AggregatedDiscoveryService.method.deltaAggregatedResources, (call) => ({
        message({ typeUrl }) {
          if (typeUrl === 'bad') throw new AppError('FORBIDDEN', 'Cannot tell', { details: { at: 1 } });
          call.send([partOf({ removedResources: ['one'] }), partOf({ removedResources: ['two'], typeUrl })]);
          if (typeUrl === 'bye') call.end();
        },
        closed: () => closed.resolve(),
      })),
    ],
  });
  cleanups.push(() => server.stop());
  const sessionManager = new Http2SessionManager(server.url);
  cleanups.push(() => sessionManager.abort());
  const client = createClient(
    AggregatedDiscoveryService,
    createGrpcTransport({ baseUrl: server.url, sessionManager }),
  );
  /** Sends them one after the other, each after the answer to the one before, and answers what came. */
  async function tell(typeUrls: readonly string[], ends = true): Promise<string[]> {
    const heard: string[] = [];
    let next: PromiseWithResolvers<void> = Promise.withResolvers();
    async function* requests() {
      for (const typeUrl of typeUrls) {
        yield { typeUrl };
        await next.promise;
        next = Promise.withResolvers();
      }
      if (!ends) await new Promise(() => undefined);
    }
    for await (const { typeUrl, removedResources } of client.deltaAggregatedResources(requests())) {
      heard.push(`${typeUrl}: ${removedResources.join()}`);
      next.resolve();
    }
    return heard;
  }
  return { server, tell, closed: closed.promise };
}

test('a stream both ways goes on until either side ends it', async () => {
  const { tell, closed } = await serveDirectStream();
  expect(await tell(['a', 'b'])).toEqual(['a: one,two', 'b: one,two']);
  await closed;
  expect(await tell(['a', 'bye'], false)).toEqual(['a: one,two', 'bye: one,two']);
});

test('a stream both ways ends with what its listener threw, with a message that is too large, and with the server', async () => {
  const { server, tell } = await serveDirectStream();
  const reasonOf = (typeUrls: readonly string[]) =>
    tell(typeUrls, false).then(
      () => undefined,
      (error: unknown) => fromConnectError(error),
    );
  expect(await reasonOf(['a', 'bad'])).toMatchObject({ code: 'FORBIDDEN', details: { at: 1 } });
  expect(await reasonOf(['x'.repeat(2_000)])).toMatchObject({ code: 'EXHAUSTED' });
  const waiting = reasonOf(['a']);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await server.stop();
  expect(await waiting).toMatchObject({ code: 'UNAVAILABLE' });
});
