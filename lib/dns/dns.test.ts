import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { decode, encode } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningService } from '@skyarc/lib/lifecycle';
import { startDnsServer, Zone, ZoneSet } from './index.ts';

const zone = new Zone({
  origin: 'example.com',
  ttl: 30,
  negativeTtl: 10,
  serial: 7,
  nameServers: ['ns1.example.com'],
  hostmaster: 'admin.example.com',
  records: [
    ['example.com', 'A', '192.0.2.1'],
    ['ns1.example.com', 'A', '192.0.2.53'],
    ['*.example.com', 'A', '192.0.2.2'],
    ['*.example.com', 'AAAA', '2001:db8::2'],
    ['deep.in.example.com', 'A', '192.0.2.3'],
    ['www.example.com', 'CNAME', 'example.com'],
    ['out.example.com', 'CNAME', 'example.org'],
    ['loop.example.com', 'CNAME', 'loop.example.com'],
    ...Array.from({ length: 60 }, (_, i) => ['many.example.com', 'A', `192.0.2.${i}`] as const),
  ],
});

const dataOf = (name: string, type: string) => {
  const { code, answers = [] } = zone.resolve(name, type);
  return code === 0 ? answers.map(({ data }) => data) : code;
};

test('a zone answers by RFC 1034 and 4592', () => {
  expect(dataOf('Example.com', 'A')).toEqual(['192.0.2.1']);
  expect(dataOf('any.example.com', 'A')).toEqual(['192.0.2.2']);
  expect(dataOf('more.than.one.example.com', 'AAAA')).toEqual(['2001:db8::2']);
  expect(dataOf('any.example.com', 'TXT')).toEqual([]);
  expect(dataOf('in.example.com', 'A')).toEqual([]);
  expect(dataOf('other.in.example.com', 'A')).toBe(3);
  expect(dataOf('www.example.com', 'A')).toEqual(['example.com', '192.0.2.1']);
  expect(zone.resolve('out.example.com', 'A')).toMatchObject({ leadsTo: 'example.org' });
  expect(dataOf('loop.example.com', 'A')).toBe(2);
  expect(zone.resolve('example.com', 'NS')).toMatchObject({ additionals: [{ data: '192.0.2.53' }] });
  expect(zone.resolve('other.in.example.com', 'A').authorities?.[0]).toMatchObject({ type: 'SOA', ttl: 10 });
  expect(dataOf('example.com', 'ANY')).toEqual([{ cpu: 'RFC8482', os: '' }]);
});

test('addresses take turns', () => {
  const firsts = new Set(
    Array.from({ length: 400 }, () => dataOf('many.example.com', 'A')).map((all) => (all as unknown[])[0]),
  );
  expect(firsts.size).toBeGreaterThan(30);
});

let server: RunningService;
let port: number;
beforeAll(async () => {
  const zones = new ZoneSet([zone.data]);
  server = await startDnsServer({
    host: '127.0.0.1',
    port: 0,
    handle: (query) => {
      if (query.key === 'broken.example.com') throw new Error('broken');
      return zones.resolve(query) ?? { code: 5 };
    },
  });
  port = Number(server.url.split(':').at(-1));
});
afterAll(() => server.stop());

function bytesOf(name: string, edns?: object, flags = 0x100): Buffer {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [], ...edns };
  return encode({
    type: 'query',
    id: 99,
    flags,
    questions: [{ type: 'A', name }],
    additionals: edns ? [opt as never] : [],
  });
}

function udp(query: Buffer, timeoutMs = 2_000): Promise<Buffer> {
  const socket = createSocket('udp4');
  return new Promise<Buffer>((resolve, reject) => {
    setTimeout(() => reject(new Error('no answer')), timeoutMs).unref();
    socket.once('message', resolve).send(query, port, '127.0.0.1');
  }).finally(() => socket.close());
}

/** Two questions on one connection, in pieces, as they may come. */
function tcp(query: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1' });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  const both = Buffer.concat([length, query, length, query]);
  socket.write(both.subarray(0, 7), () => socket.write(both.subarray(7)));
  return new Promise<Buffer>((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.once('error', reject).on('data', (data) => {
      received = Buffer.concat([received, data]);
      const first = received.readUInt16BE(0);
      if (received.length >= 2 * (2 + first)) resolve(received.subarray(2, 2 + first));
    });
  }).finally(() => socket.destroy());
}

test('over UDP and TCP, with and without EDNS', async () => {
  for (const ask of [udp, tcp]) {
    expect(decode(await ask(bytesOf('any.example.com', {})))).toMatchObject({
      id: 99,
      flag_aa: true,
      flag_rd: true,
      answers: [{ name: 'any.example.com', ttl: 30, data: '192.0.2.2' }],
      additionals: [{ type: 'OPT', udpPayloadSize: 1232 }],
    });
  }
  expect(decode(await udp(bytesOf('example.com'))).additionals).toEqual([]);
});

test('what is too long for the asker comes without records and marked, over TCP whole', async () => {
  const short = await udp(bytesOf('many.example.com'));
  expect(short.length).toBeLessThan(512);
  expect(decode(short)).toMatchObject({ flag_tc: true, answers: [] });
  expect(decode(await udp(bytesOf('many.example.com', {}))).answers).toHaveLength(60);
  expect(decode(await tcp(bytesOf('many.example.com'))).answers).toHaveLength(60);
});

const codeOf = (reply: Buffer) => reply.readUInt8(3) & 15;

test('what is no good question gets the code that says so, or nothing', async () => {
  expect(codeOf(await udp(bytesOf('other.org')))).toBe(5);
  expect(codeOf(await udp(bytesOf('broken.example.com')))).toBe(2);
  expect(codeOf(await udp(bytesOf('example.com', undefined, 0x2000)))).toBe(4);
  expect(codeOf(await udp(Buffer.concat([bytesOf('example.com').subarray(0, 14)])))).toBe(1);
  const future = decode(await udp(bytesOf('example.com', { ednsVersion: 1 })));
  expect(future.additionals?.[0]).toMatchObject({ type: 'OPT', extendedRcode: 1 });
  const pointerLoop = Buffer.from('000101000001000000000000c00c00010001', 'hex');
  expect(codeOf(await udp(pointerLoop))).toBe(1);
  await expect(udp(Buffer.from('garbage'), 100)).rejects.toThrow('no answer');
  const reply = bytesOf('example.com');
  reply.writeUInt8(0x80, 2);
  await expect(udp(reply, 100)).rejects.toThrow('no answer');
  for (let i = 0; i < 300; i += 1) {
    const noise = Buffer.from(Array.from({ length: 12 + (i % 60) }, () => Math.floor(Math.random() * 256)));
    noise.writeUInt8(1, 2);
    await udp(noise, 1_000);
  }
  expect(decode(await udp(bytesOf('example.com'))).answers).toHaveLength(1);
});
