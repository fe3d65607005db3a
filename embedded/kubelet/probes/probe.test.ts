import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Server as GrpcServer,
  ServerCredentials,
  loadPackageDefinition,
  type handleUnaryCall,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { probeGrpc } from './grpc.ts';
import { httpGet } from './http.ts';

let web: Server;
let port: number;

beforeAll(async () => {
  web = createServer((request, answer) => {
    const { url = '', headers } = request;
    if (url === '/loop') answer.writeHead(302, { location: '/loop' }).end();
    else if (url === '/away') answer.writeHead(301, { location: 'http://other.example/' }).end();
    else if (url === '/here') answer.writeHead(307, { location: `http://127.0.0.1:${port}/echo` }).end();
    else if (url === '/endless') {
      answer.writeHead(200);
      const timer = setInterval(() => answer.write('x'.repeat(4_096)), 1);
      answer.once('close', () => clearInterval(timer));
    } else if (url === '/echo')
      answer.end(JSON.stringify([headers.host, headers['x-a'], headers['user-agent']]));
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  port = (web.address() as AddressInfo).port;
});

afterAll(async () => {
  web.closeAllConnections();
  await new Promise((resolve) => web.close(resolve));
});

const get = (path: string, httpHeaders: { name: string; value: string }[] = [], timeoutMs = 2_000) =>
  httpGet({ port, path, httpHeaders }, { container: { name: 'c' }, podIp: '127.0.0.1' }, timeoutMs);

test('a GET carries its headers, follows its own host only, and reads no more than it needs', async () => {
  const headers = [
    { name: 'Host', value: 'app.example' },
    { name: 'X-A', value: '1' },
    { name: 'x-a', value: '2' },
  ];
  expect(JSON.parse((await get('/here', headers)).body)).toEqual(['app.example', '1, 2', 'kube-probe/1.32']);
  expect((await get('/away')).status).toBe(301);
  await expect(get('/loop')).rejects.toThrow('stopped after 10 redirects');
  expect((await get('/endless')).body).toHaveLength(10_240);
  await expect(get('/silent', [], 200)).rejects.toThrow('context deadline exceeded');
});

const check: handleUnaryCall<{ service: string }, object> = ({ request: { service } }, answer) => {
  if (service === 'slow') return;
  if (service === 'none') answer({ code: 5, details: 'unknown service' });
  else answer(null, { status: service === '' ? 'SERVING' : 'NOT_SERVING' });
};

test('a gRPC probe asks for a service by name and says what is wrong', async () => {
  const { grpc } = loadPackageDefinition(
    loadSync(new URL('health.proto', import.meta.url).pathname, { enums: String, defaults: true }),
  ) as unknown as { grpc: { health: { v1: { Health: { service: never } } } } };
  const server = new GrpcServer();
  server.addService(grpc.health.v1.Health.service, { Check: check });
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, found) =>
      error ? reject(error) : resolve(found),
    ),
  );
  const probe = (service: string, at = bound, timeoutMs = 1_000) =>
    probeGrpc({ host: '127.0.0.1', port: at, service, timeoutMs });
  expect(await probe('')).toBeUndefined();
  expect(await probe('db')).toBe('service unhealthy (responded with "NOT_SERVING")');
  expect(await probe('none')).toBe('error: health rpc probe failed: unknown service');
  expect(await probe('slow', bound, 200)).toBe('timeout: health rpc did not complete within 0.2s');
  server.forceShutdown();
  expect(await probe('', bound)).toMatch(/^error: failed to connect service "127\.0\.0\.1:\d+"/);
});
