import { expect, test } from 'vitest';
import { kindOf, pinHost } from './index.ts';

const guarded = { allowPrivate: false };
const mixed = () => Promise.resolve(['8.8.8.8', 'fd00::1']);
const unknown = () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));

test.each([
  ['127.0.0.1', 'loopback'],
  ['127.8.9.10', 'loopback'],
  ['0.0.0.0', 'reserved'],
  ['10.1.2.3', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.0.1', 'private'],
  ['100.64.0.1', 'private'],
  ['169.254.169.254', 'link-local'],
  ['224.0.0.1', 'multicast'],
  ['255.255.255.255', 'reserved'],
  ['::1', 'loopback'],
  ['::', 'reserved'],
  ['fd00::2', 'private'],
  ['fe80::1', 'link-local'],
  ['ff02::1', 'multicast'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:a9fe:a9fe', 'link-local'],
  ['::127.0.0.1', 'loopback'],
  ['64:ff9b::10.0.0.1', 'private'],
  ['2002:7f00:1::', 'loopback'],
  ['2001:0:0:0:0:0:80ff:fffe', 'loopback'],
  ['8.8.8.8', 'public'],
  ['2606:4700::1111', 'public'],
  ['::ffff:8.8.8.8', 'public'],
])('%s is a %s address', (address, kind) => {
  expect(kindOf(address)).toBe(kind);
});

test.each(['127.0.0.1', '[::1]', 'localhost', '0x7f.1', '2130706433', '0177.0.0.1'])(
  'refuses %s however it is spelt',
  async (host) => {
    await expect(pinHost(host, guarded)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(pinHost(host, { allowPrivate: true })).resolves.toBeDefined();
  },
);

test('a name that answers with another address the second time stays pinned to the first', async () => {
  const answers = [['8.8.8.8'], ['127.0.0.1']];
  const resolve = () => Promise.resolve(answers.shift() ?? []);
  expect(await pinHost('rebind.example', { allowPrivate: false, resolve })).toEqual({
    host: 'rebind.example',
    address: '8.8.8.8',
  });
  await expect(pinHost('rebind.example', { allowPrivate: false, resolve })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
});

test('one private address among public ones is enough to refuse', async () => {
  await expect(pinHost('mixed.example', { ...guarded, resolve: mixed })).rejects.toThrow(/fd00::1/);
});

test('an unknown host is named', async () => {
  await expect(pinHost('no.such.host', { ...guarded, resolve: unknown })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('Unknown host no.such.host') as string,
  });
});
