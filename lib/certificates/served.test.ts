import 'reflect-metadata';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CertificateAuthority, type KeyPair, readServedCertificate } from './index.ts';

let folder: string;
let pair: KeyPair;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-served-'));
  const authority = await CertificateAuthority.ensure(folder, 'test authority');
  pair = await authority.issue({
    commonName: 'x',
    usage: 'server',
    names: ['Shop.test', '*.shop.test', '10.0.0.1'],
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const read = (privateKey: string) => () => readServedCertificate({ chain: pair.cert, privateKey });

/** A certificate that signs itself, with the key as PEM. */
async function selfSigned(
  algorithm: object,
  hash = 'SHA-256',
): Promise<{ chain: string; privateKey: string }> {
  const keys = (await webcrypto.subtle.generateKey({ ...algorithm, hash } as never, true, [
    'sign',
    'verify',
  ])) as never;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=weak',
    keys,
    signingAlgorithm: { ...algorithm, hash } as never,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'weak.test' }])],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', (keys as { privateKey: never }).privateKey);
  return { chain: certificate.toString('pem'), privateKey: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}

test('a chain with its key says its hosts, issuer and time', () => {
  const read = readServedCertificate({ chain: `note\n${pair.cert}`, privateKey: pair.key });
  expect(read).toMatchObject({ hosts: ['shop.test', '*.shop.test'], issuer: 'test authority' });
  expect(read.chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  expect(read.notAfter.getTime()).toBeGreaterThan(Date.now());
});

test.each([
  [
    'an RSA key of 1024 bits',
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) },
    'privateKey: has 1024 bits; RSA needs at least 2048',
  ],
])('%s is refused', async (_name, algorithm, message) => {
  const texts = await selfSigned(algorithm);
  expect(() => readServedCertificate(texts)).toThrow(message);
});

test('RSA of 2048 bits and P-384 are let through, also alone', async () => {
  const rsa = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  expect(readServedCertificate(await selfSigned(rsa)).hosts).toEqual(['weak.test']);
  expect(readServedCertificate(await selfSigned({ name: 'ECDSA', namedCurve: 'P-384' })).hosts).toEqual([
    'weak.test',
  ]);
});

test('keys are read in their three forms, locked ones and foreign ones refused', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const locked = privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();
  expect(read(locked)).toThrow('privateKey: is locked by a password');
  expect(read('x')).toThrow('privateKey: is no PEM key');
  for (const type of ['pkcs1', 'pkcs8'] as const)
    expect(read(privateKey.export({ type, format: 'pem' }).toString())).toThrow(
      'privateKey: is not the key of the first',
    );
});

test.each([
  ['no certificate', 'x', 'chain: has no PEM certificate'],
  [
    'a broken one',
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
    'chain: certificate 1 cannot be read',
  ],
])('%s is refused', (_name, chain, message) => {
  expect(() => readServedCertificate({ chain, privateKey: pair.key })).toThrow(message);
});

test('one that begins later, or has ended, is refused with its day', () => {
  const texts = { chain: pair.cert, privateKey: pair.key };
  expect(() => readServedCertificate(texts, new Date('2001-01-01'))).toThrow(/chain: begins only on 20\d\d-/);
  expect(() => readServedCertificate(texts, new Date('2101-01-01'))).toThrow(/chain: ended on 20\d\d-/);
});
