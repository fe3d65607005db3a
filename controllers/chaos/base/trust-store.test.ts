import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { renderTrustStore } from './trust-store.ts';

const block = (text: string) =>
  `# a comment\n-----BEGIN CERTIFICATE-----\n${Buffer.from(text).toString('base64')}\n-----END CERTIFICATE-----\n`;

test('each certificate is there once, sealed as Java checks it', () => {
  const store = renderTrustStore(block('one') + block('two') + block('one'));
  expect(store.readUInt32BE(0)).toBe(0xfeedfeed);
  expect(store.readUInt32BE(8)).toBe(2);
  const [body, seal] = [store.subarray(0, -20), store.subarray(-20)];
  const salted = Buffer.concat([
    Buffer.from('changeit', 'utf16le').swap16(),
    Buffer.from('Mighty Aphrodite'),
    body,
  ]);
  expect(seal).toEqual(createHash('sha1').update(salted).digest());
  expect(renderTrustStore(block('one') + block('two'))).toEqual(store);
});
