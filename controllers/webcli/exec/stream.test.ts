import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { sleep } from '@skyarc/lib/retry';
import { afterEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { ExecStream } from './stream.ts';

const target = { namespace: 'blue', pod: 'web', container: 'app', command: ['cat'] };
const servers: Server[] = [];
const output = '\u0001';

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Says these messages, the first character of each its channel, or sends on to the address when it may. */
async function serve(messages: readonly string[], sendOnTo?: (url: string) => string) {
  const asked: (string | undefined)[] = [];
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  const server = createServer();
  server.on('upgrade', (request: IncomingMessage, socket, head) => {
    const mayRedirect = request.headers['x-stream-redirect'];
    asked.push(mayRedirect?.toString());
    if (sendOnTo && mayRedirect) {
      const location = sendOnTo(request.url ?? '');
      socket.end(`HTTP/1.1 307 Temporary Redirect\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      for (const message of messages) client.send(Buffer.from(message));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  servers.push(server);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

function open(server: string): Promise<ExecStream> {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'test', server, skipTLSVerify: true }, { name: 'test' });
  return ExecStream.open(config, target);
}

async function greetingOf(server: string): Promise<string> {
  const stream = await open(server);
  const said = await new Promise<string>((resolve) => {
    stream.listen({ onOutput: (bytes) => resolve(bytes.toString()), onEnd: () => undefined });
    stream.resume();
  });
  stream.close();
  return said;
}

test('streams from where the cluster of this machine says', async () => {
  const runtime = await serve([output + 'from the runtime']);
  const api = await serve([output + 'from the API'], () => `${runtime.url}/exec/once`);
  expect(await greetingOf(api.url)).toBe('from the runtime');
  expect(runtime.asked).toEqual([undefined]);
});

test('streams by the API where it knows nothing of that', async () => {
  const api = await serve([output + 'from the API']);
  expect(await greetingOf(api.url)).toBe('from the API');
});

test('comes back to the API when that place does not answer, or is not of this machine', async () => {
  const gone = await serve([output + 'never']);
  servers.splice(0).forEach((server) => server.close());
  const api = await serve([output + 'from the API'], () => `${gone.url}/exec/once`);
  expect(await greetingOf(api.url)).toBe('from the API');
  expect(api.asked).toEqual(['allowed', undefined]);

  const abroad = await serve([output + 'from the API'], () => 'http://192.0.2.1:1/exec/once');
  expect(await greetingOf(abroad.url)).toBe('from the API');
});

test('nothing is lost of a process that ends before anybody listens', async () => {
  const status = `\u0003${JSON.stringify({ status: 'Success' })}`;
  const stream = await open((await serve([`${output}*one`, `${output}two`, status])).url);
  expect((await stream.firstSign(5_000)).shown.toString()).toMatch(/^\*one/);
  stream.skip(1);
  await sleep(50);
  const said: unknown[] = [];
  await new Promise<void>((done) => {
    stream.listen({
      onOutput: (bytes) => said.push(bytes.toString()),
      onEnd: (end) => {
        said.push(end);
        done();
      },
    });
    stream.resume();
  });
  expect(said.slice(0, -1).join('')).toBe('onetwo');
  expect(said.at(-1)).toEqual({ exitCode: 0, message: null });
});
