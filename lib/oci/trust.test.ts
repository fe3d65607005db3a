import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  assembleImage,
  attest,
  DerivedAccounts,
  digestOf,
  ensureImageKeys,
  type Layer,
  mediaTypes,
  openAttestation,
  parseImageReference,
  rebaseImage,
} from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'skyarc-trust-'));
afterAll(() => rm(folder, { recursive: true }));

const layerOf = (name: string): Layer => ({
  mediaType: mediaTypes.layer,
  digest: digestOf(name),
  size: name.length,
  diffId: digestOf(`tar of ${name}`),
});

/** A config without how it came to be. */
function plain(config: Buffer): object {
  return { ...(JSON.parse(config.toString()) as object), history: [] };
}

test('keys and passwords are made once, for one reader, also by several callers at once', async () => {
  const file = join(folder, 'keys/image.key');
  const all = await Promise.all(Array.from({ length: 8 }, () => ensureImageKeys(file)));
  expect(new Set(all.map(({ publicKey }) => publicKey)).size).toBe(1);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const accounts = await DerivedAccounts.ensure(join(folder, 'keys/registry.key'));
  expect(accounts.passwordOf('team.blue')).toHaveLength(43);
  expect(accounts.passwordOf('team.blue')).not.toBe(accounts.passwordOf('team.red'));
});

test('an attestation is believed of its own image and by its own key alone', async () => {
  const keys = await ensureImageKeys(join(folder, 'keys/image.key'));
  const image = { repository: 'team/app', digest: digestOf('image') };
  const statement = { predicateType: 'https://slsa.dev/provenance/v1', predicate: { by: 'us' } };
  const envelope = attest(image, statement, keys);
  expect(openAttestation(envelope, image, keys.publicKey)).toMatchObject(statement);
  const other = { ...image, digest: digestOf('other') };
  expect(() => openAttestation(envelope, other, keys.publicKey)).toThrow(/another image/);
  const payload = Buffer.from(envelope.payload, 'base64').toString().replace('us', 'me');
  const forged = { ...envelope, payload: Buffer.from(payload).toString('base64') };
  expect(() => openAttestation(forged, image, keys.publicKey)).toThrow(/not signed/);
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const pem = stranger.export({ type: 'spki', format: 'pem' }).toString();
  expect(() => openAttestation(envelope, image, pem)).toThrow(/not signed/);
});

test('a rebased image is the one that a build over the new base makes, but for its history', () => {
  const [from, to, app] = ['from', 'to', 'app'].map(layerOf) as [Layer, Layer, Layer];
  const run = { cmd: ['/bin/app'], env: ['A=1'], user: '1000:1000' };
  const rebased = rebaseImage(assembleImage([from, app], run), { from: [from], to: [to] });
  const built = assembleImage([to, app], run);
  expect(rebased.layers.map(({ digest }) => digest)).toEqual(built.layers.map(({ digest }) => digest));
  expect(plain(rebased.config)).toEqual(plain(built.config));
  const { history } = JSON.parse(rebased.config.toString()) as { history: unknown[] };
  expect(history).toHaveLength(2);
  expect(() => rebaseImage(built, { from: [from], to: [to] })).toThrow(/does not stand on that base/);
});

test('an image reference has a repository and a digest', () => {
  expect(parseImageReference(`team/app@${digestOf('x')}`).repository).toBe('team/app');
  for (const text of ['team/app:1', 'team/app', `TEAM@${digestOf('x')}`, `a b@${digestOf('x')}`])
    expect(() => parseImageReference(text)).toThrow(/is not an image/);
});
