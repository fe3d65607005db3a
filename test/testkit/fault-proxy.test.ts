import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FaultProxy } from './fault-proxy.ts';

let server: Server;
let proxy: FaultProxy;
let client: Socket;
let answers = '';
const accepted = new Set<Socket>();

beforeEach(async () => {
  server = createServer((socket) => {
    accepted.add(socket);
    socket.on('error', () => undefined).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await FaultProxy.start({ targetPort: (server.address() as AddressInfo).port });
  client = await join();
});
afterEach(async () => {
  client.destroy();
  await proxy.stop();
  for (const socket of accepted) socket.destroy();
  server.close();
});

async function join(): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => (answers += bytes.toString()));
  await once(socket, 'connect');
  answers = '';
  return socket;
}

/** Answers `error` for a connection that was reset. */
const closeOf = (socket: Socket) =>
  new Promise<string>((resolve) => {
    socket.once('error', () => resolve('error'));
    socket.once('close', () => resolve('close'));
  });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('hands on in order, late if asked', async () => {
  client.write('a');
  await expect.poll(() => answers).toBe('a');
  proxy.delay(60);
  const sentAt = Date.now();
  client.write('b');
  await pause(5);
  proxy.delay(0);
  client.write('c');
  await expect.poll(() => answers).toBe('abc');
  expect(Date.now() - sentAt).toBeGreaterThanOrEqual(55);
});

test('a partition keeps bytes until healed, a drop loses them and the connection', async () => {
  proxy.partition();
  client.write('late');
  await pause(50);
  expect(answers).toBe('');
  proxy.heal();
  await expect.poll(() => answers).toBe('late');
  proxy.drop();
  client.write('lost');
  await pause(50);
  const closed = closeOf(client);
  proxy.heal();
  await closed;
  client = await join();
  client.write('new');
  await expect.poll(() => answers).toBe('new');
});

test('half open: what the server says does not arrive, what it hears does', async () => {
  let heard = '';
  client.write('x');
  await expect.poll(() => answers).toBe('x');
  for (const socket of accepted) socket.on('data', (bytes) => (heard += bytes.toString()));
  proxy.halfOpen('to-client');
  client.write('one way');
  await expect.poll(() => heard).toBe('one way');
  expect(answers).toBe('x');
});

test('reset ends connections, refuse keeps new ones out until healed', async () => {
  const closed = closeOf(client);
  proxy.reset();
  await closed;
  client = await join();
  proxy.refuse();
  const refused = connect(proxy.port, '127.0.0.1').resume();
  expect(await closeOf(refused)).toBe('error');
  proxy.heal();
  client = await join();
  client.write('again');
  await expect.poll(() => answers).toBe('again');
});

test('who reads slowly holds the sender back', async () => {
  client.pause();
  let sent = 0;
  while (client.write(Buffer.alloc(1 << 20)) || sent < 64) {
    sent += 1;
    if (sent > 256) break;
    await pause(1);
  }
  await pause(100);
  expect(client.writableLength).toBeGreaterThan(1 << 20);
});
