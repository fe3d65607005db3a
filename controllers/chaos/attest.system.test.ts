import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  digestOf,
  ensureImageKeys,
  type Envelope,
  envelopeType,
  findArtifact,
  openAttestation,
  parseImageReference,
  verifyImage,
} from '@skyarc/lib/oci';
import { spdxType } from '@skyarc/lib/sbom';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rig } from './testkit/rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.open(20_990, { instance: 'chaostest-trust' });
}, 600_000);
afterAll(() => rig?.close());

const template = (name: string) => ({ kind: 'TEMPLATE', template: name }) as const;
const slow = { timeout: 400_000 };

interface Bill {
  readonly packages: readonly {
    readonly externalRefs?: readonly { readonly referenceLocator: string }[];
  }[];
}
interface Provenance {
  readonly buildDefinition: {
    readonly externalParameters: unknown;
    readonly resolvedDependencies: readonly { readonly name: string }[];
  };
  readonly runDetails: { readonly byproducts: readonly { readonly digest: { readonly sha256: string } }[] };
}

test('an image is signed, and says what is in it and what it was made of', slow, async () => {
  const app = await rig.newApp(template('node-express-like'));
  const { build, version } = await rig.deploy(app);
  expect(build.message).toBeNull();
  const image = parseImageReference(version?.image ?? '');
  const keys = await ensureImageKeys(join(rig.config.dataDir, 'image-signing.key'));
  await verifyImage(rig.registry, image, keys.publicKey);

  const [bill] = (await findArtifact(rig.registry, image, spdxType)) ?? [];
  const { packages } = JSON.parse(bill?.toString() ?? '{}') as Bill;
  const purls = packages.flatMap(({ externalRefs = [] }) => externalRefs.map((ref) => ref.referenceLocator));
  expect(purls).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^pkg:deb\/debian\/libc6@/),
      expect.stringMatching(/^pkg:generic\/nodejs@\d+/),
      expect.stringMatching(/^pkg:npm\/.+@/),
    ]),
  );

  const [envelope] = (await findArtifact(rig.registry, image, envelopeType)) ?? [];
  const said = openAttestation(JSON.parse(envelope?.toString() ?? '{}') as Envelope, image, keys.publicKey);
  const { buildDefinition, runDetails } = said.predicate as Provenance;
  expect(buildDefinition.externalParameters).toMatchObject({ source: template('node-express-like') });
  expect(buildDefinition.resolvedDependencies.map(({ name }) => name)).toEqual([
    'source',
    'skyarc/base',
    'skyarc/runtime',
  ]);
  expect(`sha256:${runDetails.byproducts[0]?.digest.sha256}`).toBe(digestOf(bill ?? ''));
});

test(
  'every sample becomes the same image and the same bill, build after build, by any builder',
  slow,
  async () => {
    const names = await readdir(join(import.meta.dirname, '../../samples'));
    const mine = rig.controller;
    const other = await rig.newController(rig.stopping.signal, 'other');
    for (const name of names) {
      const images = new Set<string>();
      const bills = new Set<string>();
      const apps = [await rig.newApp(template(name)), await rig.newApp(template(name))];
      for (const [index, app] of [...apps, ...apps.slice(0, 1)].entries()) {
        rig.controller = index % 2 ? other : mine;
        const { build, version } = await rig.deploy(app, { noCache: true });
        expect(build.message).toBeNull();
        const image = parseImageReference(version?.image ?? '');
        images.add(image.digest);
        const [bill] = (await findArtifact(rig.registry, image, spdxType)) ?? [];
        // A bill names its app; all else is the same.
        const { packages } = JSON.parse(bill?.toString() ?? '{}') as Bill;
        bills.add(JSON.stringify(packages.slice(1)));
      }
      rig.controller = mine;
      expect({ name, images: images.size, bills: bills.size }).toEqual({ name, images: 1, bills: 1 });
    }
  },
);
