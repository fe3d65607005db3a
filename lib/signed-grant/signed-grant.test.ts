import { expect, test } from 'vitest';
import { z } from 'zod';
import { GrantSigner, GrantVerifier, makeGrantKeys, readClaims } from './index.ts';

const schema = z.object({ use: z.literal('door'), expiresAt: z.number(), room: z.string() });
const keys = makeGrantKeys();
const signer = new GrantSigner(keys.privateKey);
const verifier = new GrantVerifier(keys.publicKey);
const claims = (change: object = {}) => ({
  use: 'door',
  expiresAt: Date.now() + 1_000,
  room: 'blue',
  ...change,
});

test('a grant is opened with the public key, whoever passes it on can read it', () => {
  const grant = signer.sign(claims());
  expect(verifier.open(schema, grant).room).toBe('blue');
  expect(readClaims(schema, grant)?.room).toBe('blue');
});

test.each([
  ['of another key', new GrantSigner(makeGrantKeys().privateKey).sign(claims())],
  ['ended', signer.sign(claims({ expiresAt: Date.now() - 1 }))],
  ['for another use', signer.sign(claims({ use: 'window' }))],
  ['unsigned', signer.sign(claims()).split('.')[0] ?? ''],
  ['altered', signer.sign(claims()).replace(/^./, 'f')],
  ['empty', ''],
  ['no grant at all', 'a.b.c'],
])('a grant %s is refused', (_what, grant) => {
  expect(() => verifier.open(schema, grant)).toThrow(/The grant/);
});
