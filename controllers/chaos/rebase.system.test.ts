import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { BuiltLayer } from '@skyarc/lib/contracts';
import { ensureImageKeys, slugOf, verifyImage } from '@skyarc/lib/oci';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LayerStore } from './base/store.ts';
import { layersDir, Rig } from './testkit/rig.ts';

let rig: Rig;
/** What the machine has made already, and a base of this test's own. */
let layers: string;
beforeAll(async () => {
  layers = await mkdtemp(join(tmpdir(), 'skyarc-bases-'));
  await mkdir(layersDir, { recursive: true });
  for (const name of await readdir(layersDir))
    if (!name.startsWith('.')) await symlink(join(layersDir, name), join(layers, name));
  rig = await Rig.open(21_010, { instance: 'rebasetest', layersDir: layers });
}, 300_000);
afterAll(async () => {
  await rig?.close();
  await rm(layers, { recursive: true, force: true });
});

const layersOf = ({ layers: stored }: { layers: string | null }) =>
  JSON.parse(stored ?? '[]') as BuiltLayer[];

test('a slug has the files of the app and nothing of base and runtime', async () => {
  const done = await rig.deploy(await rig.newApp({ kind: 'TEMPLATE', template: 'node-express-like' }));
  const own = layersOf(done.build).filter(({ kind }) => kind === 'APP' || kind === 'DEPENDENCIES');
  expect(own).toHaveLength(2);
  const repository = done.version?.image.split('@')[0] ?? '';
  const file = join(layers, 'slug.tar.gz');
  await writeFile(file, await buffer(slugOf(rig.registry, repository, own)));
  const { stdout, code } = await run('tar', ['-tzf', file]);
  expect(code).toBe(0);
  expect(stdout).toContain('app/server.js');
  expect(stdout).toContain('app/node_modules/polka/package.json');
  expect(stdout).not.toMatch(/^(etc|usr)\//m);
  const wrong = [{ digest: `sha256:${'0'.repeat(64)}` }];
  await expect(buffer(slugOf(rig.registry, repository, wrong))).rejects.toThrow(/has no sha256/);
});

test('a version moves onto a newer base without a build, signed; the source is found unchanged after', async () => {
  const app = await rig.newApp({ kind: 'TEMPLATE', template: 'hello-node' });
  const first = await rig.deploy(app);
  expect(first.build.message).toBeNull();
  const versionId = first.version?.id ?? '';
  expect((await rig.deploy(app, { rebaseOf: versionId })).build).toMatchObject({
    status: 'FAILED',
    message: 'The image of version 1 stands on the newest base already',
  });

  await new LayerStore(layers).ensure('base-bookworm-2', async (root) => {
    await mkdir(join(root, 'etc'));
    await writeFile(join(root, 'etc/renewed'), 'yes');
  });
  rig.controller = await rig.newController(rig.stopping.signal);
  const moved = await rig.deploy(app, { rebaseOf: versionId });
  expect(moved.build).toMatchObject({
    status: 'SUCCEEDED',
    message: null,
    buildpack: first.build.buildpack,
    commitId: first.build.commitId,
  });
  expect(moved.log).not.toContain('$ ');
  const [oldBase, ...oldOthers] = layersOf(first.build);
  const [newBase, ...newOthers] = layersOf(moved.build);
  expect(newBase).toMatchObject({ kind: 'BASE', name: 'base-bookworm-2' });
  expect(newBase?.digest).not.toBe(oldBase?.digest);
  expect(newOthers.map(({ digest }) => digest)).toEqual(oldOthers.map(({ digest }) => digest));
  const [repository = '', digest = ''] = moved.version?.image.split('@') ?? [];
  const keys = await ensureImageKeys(join(rig.config.dataDir, 'image-signing.key'));
  await verifyImage(rig.registry, { repository, digest }, keys.publicKey);

  const again = await rig.deploy(app);
  expect(again.version?.image).toBe(moved.version?.image);
  expect(again.log).toContain('Nothing has changed');
});

test('an image that somebody exchanged is not made ours by a rebase', async () => {
  const app = await rig.newApp({ kind: 'TEMPLATE', template: 'hello-static' });
  const { version } = await rig.deploy(app);
  const [repository = ''] = version?.image.split('@') ?? [];
  const other = await rig.registry.findManifest(repository, '1');
  const forged = Buffer.from(`${other?.toString() ?? ''} `);
  const digest = await rig.registry.putManifest(repository, forged);
  await rig.db.version.update({
    where: { id: version?.id ?? '' },
    data: { image: `${repository}@${digest}` },
  });
  await new LayerStore(layers).ensure('base-bookworm-3', (root) => writeFile(join(root, 'third'), ''));
  rig.controller = await rig.newController(rig.stopping.signal);
  const moved = await rig.deploy(app, { rebaseOf: version?.id ?? '' });
  expect(moved.build.message).toMatch(/is refused: /);
  expect(moved.version).toBeNull();
});
