import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setLogLevel } from '@skyarc/lib/log';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatewayWorld } from './fixtures/world.ts';

let world: GatewayWorld;
/** Every byte that the app got, by connection. */
let received: { text: string }[] = [];

/** An app that believes every framing: it answers the first blank line, and keeps whatever it is sent. */
function gullible(socket: Socket): void {
  const kept = { text: '' };
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    if (kept.text === '') received.push(kept);
    const isAnswered = kept.text.includes('\r\n\r\n');
    kept.text += chunk.toString('latin1');
    if (!isAnswered && kept.text.includes('\r\n\r\n'))
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine');
  });
}

beforeAll(async () => {
  setLogLevel('error');
  world = await GatewayWorld.start('heds', 20_370);
  await world.serve('app', createServer(gullible) as never);
  await world.route('plain', { host: 'a.test', service: 'app' });
  await world.route('lane', {
    host: 'lane.test',
    service: 'app',
    policy: { maxBodyBytes: 1_000, requestHeaders: { set: [{ name: 'X-A', value: '1' }] } },
  });
});

afterAll(() => world?.stop());

/** What the gateway answers to raw bytes until it closes or is silent for a moment. */
async function send(bytes: string): Promise<string> {
  const socket = connect(world.config.httpPort ?? 0, '127.0.0.1');
  await once(socket, 'connect');
  let answer = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
  socket.write(Buffer.from(bytes, 'latin1'));
  await Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, 250))]);
  socket.destroy();
  return answer;
}

const hidden = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n';
const head = 'POST / HTTP/1.1\r\nHost: a.test\r\n';
/** Known ways to make two servers disagree on where a request ends or whose it is. */
const corpus: Record<string, string> = {
  'CL.TE': `${head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'TE.CL': `${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${hidden}\r\n0\r\n\r\n`,
  'two lengths': `${head}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  'a list of lengths': `${head}Content-Length: 0, ${hidden.length}\r\n\r\n${hidden}`,
  'a signed length': `${head}Content-Length: +${hidden.length}\r\n\r\n${hidden}`,
  'a hexadecimal length': `${head}Content-Length: 0x10\r\n\r\n${hidden}`,
  'a space before the colon': `${head}Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  'a tab before the value': `${head}Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  'a vertical tab': `${head}Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  'chunked twice': `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${hidden}`,
  'chunked, identity': `${head}Transfer-Encoding: chunked, identity\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  xchunked: `${head}Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  'a quoted coding': `${head}Transfer-Encoding: "chunked"\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  'a folded header': `${head}Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  'a header after a bare line feed': `${head}X: a\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  'a bare carriage return': `${head}X: a\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  'a NUL in a header': `${head}X: a\0b\r\nContent-Length: 0\r\n\r\n`,
  'an underscore length': `${head}Content_Length: 5\r\n\r\n`,
  'a chunk extension with a line feed': `${head}Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n0\r\n\r\n`,
  'a chunk size that overflows': `${head}Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\nab\r\n0\r\n\r\n${hidden}`,
  'a negative chunk': `${head}Transfer-Encoding: chunked\r\n\r\n-1\r\nab\r\n0\r\n\r\n${hidden}`,
  'HTTP/1.0 and chunked': `POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'two hosts': `GET / HTTP/1.1\r\nHost: a.test\r\nHost: lane.test\r\n\r\n`,
  'a host with a path': `GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n`,
  'a host with a space': `GET / HTTP/1.1\r\nHost: a.test b\r\n\r\n`,
  'an upgrade to h2c': `GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n`,
  'a connection header that hides ours': `GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close, X-Forwarded-For, X-Real-IP\r\n\r\n`,
  'a line feed in the path': 'GET /%0d%0aX-Injected:%201 HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'no version': 'GET /\r\n\r\n',
  'a method of many lines': 'GET\r\n/ HTTP/1.1\r\nHost: a.test\r\n\r\n',
};

for (const host of ['a.test', 'lane.test']) {
  test(`no framing trick passes to an app behind ${host}`, async () => {
    for (const [name, bytes] of Object.entries(corpus)) {
      received = [];
      await send(bytes.replaceAll('Host: a.test\r\n', `Host: ${host}\r\n`));
      for (const { text } of received) {
        const [fields = '', ...rest] = text.split('\r\n\r\n');
        // An app that reads by the book sees one message; what follows its body would be another's request.
        expect(requestsIn(text), `${name}: ${JSON.stringify(text)}`).not.toContain('/smuggled');
        expect(/^content-length:/im.test(fields) && /^transfer-encoding:/im.test(fields), name).toBe(false);
        expect(fields.match(/^host:/gim) ?? [], name).toHaveLength(1);
        expect(fields.match(/^x-real-ip: [0-9.]+$/gim) ?? [], `${name}: ${fields}`).toHaveLength(1);
        expect(fields, name).not.toMatch(/^x-injected|^upgrade|^http2-settings:.*\n.*upgrade/im);
        expect(fields.includes('\0') || fields.includes('\v'), name).toBe(false);
        expect(/(^|[^\r])\n|\r(?!\n)/.test(fields), name).toBe(false);
        expect(rest.length, name).toBeGreaterThan(0);
      }
      expect(await send(`GET /good HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), name).toMatch(
        /fine$/,
      );
    }
  });
}

/** Paths of the requests in a stream, as a server reads it that follows RFC 9112. */
function requestsIn(stream: string): string[] {
  const paths: string[] = [];
  for (let rest = stream; rest.length > 0;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) break;
    const fields = rest.slice(0, end);
    paths.push(/^\S+ (\S+)/.exec(fields)?.[1] ?? '?');
    rest = rest.slice(end + 4);
    const length = Number(/^content-length: *(\d+)$/im.exec(fields)?.[1] ?? 0);
    if (/^transfer-encoding: *chunked$/im.test(fields)) {
      const last = /(^|\r\n)0\r\n\r\n/.exec(rest);
      rest = last ? rest.slice(last.index + last[0].length) : '';
    } else rest = rest.slice(length);
  }
  return paths;
}

test('an absolute target cannot make the gateway and the app disagree on the host', async () => {
  received = [];
  await send('GET http://lane.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n');
  const hosts = received.map(({ text }) => /^host: (.*)\r$/im.exec(text)?.[1]);
  const lanes = received.map(({ text }) => /^x-a: 1\r$/im.test(text));
  expect(hosts.map((host) => host === 'lane.test')).toEqual(lanes);
});

test('a client that sends slowly is cut off, and holds nobody up', async () => {
  const slow = Array.from({ length: 50 }, () => {
    const socket = connect(world.config.httpPort ?? 0, '127.0.0.1').on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: a.test\r\nX-');
    const timer = setInterval(() => socket.write('a'), 500);
    return new Promise((resolve) => socket.on('close', resolve)).finally(() => clearInterval(timer));
  });
  expect(await send('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')).toMatch(/fine$/);
  const startedAt = Date.now();
  await Promise.all(slow);
  expect(Date.now() - startedAt).toBeLessThan(12_000);
});
