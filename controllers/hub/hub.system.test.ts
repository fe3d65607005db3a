import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Artifact,
  attachArtifacts,
  digestOf,
  findArtifact,
  type Image,
  listReferrers,
  mediaTypes,
  pushImage,
  rebaseImage,
  signImage,
  tagBeside,
  verifyImage,
} from '@skyarc/lib/oci';
import { Daemon } from '@skyarc/lib/process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stopEngine } from './main.ts';
import { collectGarbage } from './storage/collect.ts';
import { RegistryStore } from './storage/store.ts';
import { annsToken, HubRig } from './testkit/rig.ts';

let rig: HubRig;
beforeAll(async () => {
  rig = await HubRig.open(20_980);
});
afterAll(() => rig?.close());

const spdx = 'application/spdx+json';
const repositoryOf = (app: { teamName: string; name: string }) => `${app.teamName}/${app.name}`;
const storeOf = () => new RegistryStore(join(rig.config.dataDir, 'store'));

/** Whether the registry serves every part of an image. */
async function isWhole(repository: string, { digest, layers, config }: Image): Promise<boolean> {
  const client = rig.client('worker');
  if (!(await client.findManifest(repository, digest))) return false;
  const parts = [digestOf(config), ...layers.map((layer) => layer.digest)];
  return (await Promise.all(parts.map((part) => client.findBlob(repository, part)))).every(Boolean);
}

test('the registry outlives its service, and a push waits while it is away', async () => {
  const app = await rig.newApp('blue');
  const repository = repositoryOf(app);
  const client = rig.client('chaos');
  const { image, sources } = await rig.newImage();
  const [layer] = image.layers;
  const target = { repository, tag: '1' };
  expect(await pushImage(client, target, image, sources)).toBe((layer?.size ?? 0) + image.config.length);
  expect(await pushImage(client, { ...target, tag: '2' }, image, sources)).toBe(0);
  expect(await client.findManifest(repository, '2')).toEqual(image.manifest);

  await rig.hub.stop();
  expect(await client.hasBlob(repository, layer?.digest ?? '')).toBe(true);
  await stopEngine(rig.config);
  const reasons: string[] = [];
  const asking = client.with({ onWait: (reason) => reasons.push(reason) });
  const waiting = asking.hasBlob(repository, layer?.digest ?? '');
  await expect.poll(() => reasons.length).toBeGreaterThan(0);
  await rig.start();
  expect(await waiting).toBe(true);
  expect(reasons[0]).toMatch(/does not answer/);
  expect((await fetch(`http://127.0.0.1:${rig.config.statusPort}/healthz`)).status).toBe(200);
});

/** True, or the code of the refusal. */
function mayPull(client: ReturnType<HubRig['client']>, repository: string): Promise<boolean | string> {
  return client.findManifest(repository, '1').then(
    (found) => found !== null,
    (error: { code: string }) => error.code,
  );
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function billOf(text: string): Artifact[] {
  return [{ type: spdx, parts: [{ mediaType: spdx, content: Buffer.from(text) }] }];
}

describe('who may what', () => {
  let own: string;
  let other: string;
  let image: Image;
  beforeAll(async () => {
    [own, other] = [repositoryOf(await rig.newApp('blue')), repositoryOf(await rig.newApp('red'))];
    const made = await rig.newImage();
    image = made.image;
    for (const repository of [own, other, 'skyarc/base'])
      await pushImage(rig.client('chaos'), { repository, tag: '1' }, image, made.sources);
  });
  test('a stranger sees nothing', async () => {
    for (const path of ['', '_catalog', `${own}/manifests/1`, `${own}/tags/list`])
      expect((await fetch(`${rig.hub.url}/v2/${path}`)).status).toBe(401);
    expect((await fetch(rig.tokenUrl)).status).toBe(401);
    expect(await mayPull(rig.client('team.blue', 'guess'), own)).toBe('FORBIDDEN');
    expect(await mayPull(rig.client('ann', 'skyarc_pat_somebody_else'), own)).toBe('FORBIDDEN');
    expect(await mayPull(rig.client('ann', 'x\r\ny: z, which is no token'), own)).toBe('FORBIDDEN');
  });

  test.each(['team.blue', 'ann'])('%s pulls what the team has, and pushes nothing', async (name) => {
    const client = name === 'ann' ? rig.client(name, annsToken) : rig.client(name);
    expect(await mayPull(client, own)).toBe(true);
    expect(await mayPull(client, 'skyarc/base')).toBe(true);
    expect(await mayPull(client, other)).toBe('FORBIDDEN');
    await expect(client.putManifest(own, image.manifest, 'mine')).rejects.toThrow(/401/);
    await expect(client.deleteManifest(own, image.digest)).rejects.toThrow(/401/);
  });

  test('chaos pushes to apps that are being built, and deletes nothing', async () => {
    const client = rig.client('chaos');
    const made = await rig.newImage();
    const push = (repository: string) =>
      pushImage(client, { repository, tag: '1' }, made.image, made.sources);
    await expect(push('blue/no-such-app')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(push('blue')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(client.deleteManifest(own, image.digest)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const idle = await rig.newApp('blue');
    await rig.db.build.updateMany({ where: { appId: idle.id }, data: { status: 'CANCELED' } });
    await expect(push(repositoryOf(idle))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await mayPull(rig.client('worker'), other)).toBe(true);
    await expect(rig.client('worker').putManifest(own, image.manifest, 'w')).rejects.toThrow(/401/);
  });

  test('a token is for what it says, signed by the hub alone; a form gets one, too', async () => {
    const ask = async (repository: string) => {
      const form = new URLSearchParams({
        grant_type: 'password',
        service: 'skyarc-hub',
        scope: `repository:${repository}:pull,push`,
        username: 'team.blue',
        password: rig.accounts.passwordOf('team.blue'),
      });
      const response = await fetch(rig.tokenUrl, { method: 'POST', body: form });
      return ((await response.json()) as { access_token: string }).access_token;
    };
    const get = async (repository: string, token: string) => {
      const headers = { authorization: `Bearer ${token}`, accept: mediaTypes.manifest };
      return (await fetch(`${rig.hub.url}/v2/${repository}/manifests/1`, { headers })).status;
    };
    const token = await ask(own);
    expect(await get(own, token)).toBe(200);
    expect(await get(other, token)).toBe(401);
    const [head = '', , signature = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
      access: unknown[];
    };
    expect(claims.access).toEqual([{ type: 'repository', name: own, actions: ['pull'] }]);
    const forged = encode({ ...claims, access: [{ type: 'repository', name: other, actions: ['pull'] }] });
    expect(await get(other, [head, forged, signature].join('.'))).toBe(401);
    expect(await get(other, `${encode({ typ: 'JWT', alg: 'none' })}.${forged}.`)).toBe(401);
    const wrong = await fetch(`${rig.tokenUrl}?service=else`, { headers: { authorization: 'Basic YTpi' } });
    expect(wrong.status).toBe(400);
  });
});

test('a team whose images take all that they may pushes no more, and is told so', async () => {
  const app = await rig.newApp('green');
  const repository = repositoryOf(app);
  await rig.start({ teamQuotaMb: 1 });
  try {
    const first = await rig.newImage(1_200_000);
    await pushImage(rig.client('chaos'), { repository, tag: '1' }, first.image, first.sources);
    const second = await rig.newImage();
    await expect(
      pushImage(rig.client('chaos'), { repository, tag: '2' }, second.image, second.sources),
    ).rejects.toMatchObject({
      code: 'EXHAUSTED',
      message: expect.stringMatching(/"green" take 2 MiB of 1 MiB/),
    });
    expect(await isWhole(repository, first.image)).toBe(true);
    const metrics = await (await fetch(`http://127.0.0.1:${rig.config.statusPort}/metrics`)).text();
    expect(
      Number(/skyarc_hub_team_bytes\{[^}]*team="green"[^}]*\} (\d+)/.exec(metrics)?.[1]),
    ).toBeGreaterThan(1_200_000);
  } finally {
    await rig.start();
  }
});

test('versions in use and the newest stay; the others go, and their bytes with them', async () => {
  const app = await rig.newApp('blue');
  const repository = repositoryOf(app);
  const versions = [];
  for (let number = 1; number <= 9; number += 1)
    versions.push(await rig.newVersion(app, number, 60 - number));
  const [one, two, three, four] = versions;
  await rig.db.app.update({
    where: { id: app.id },
    data: { currentVersionId: one?.id, greyVersionId: two?.id },
  });
  await rig.db.version.update({ where: { id: three?.id }, data: { deployedAt: new Date() } });
  await rig.start({ graceMs: 1 });
  try {
    await rig.hub.clean();
    const left = await rig.db.version.findMany({ where: { appId: app.id }, orderBy: { number: 'asc' } });
    expect(left.map(({ number }) => number)).toEqual([1, 2, 3, 5, 6, 7, 8, 9]);
    const worker = rig.client('worker');
    expect(await worker.findManifest(repository, four?.image.digest ?? '')).toBeNull();
    expect(await worker.findManifest(repository, tagBeside(four?.image.digest ?? '', 'sig'))).toBeNull();
    for (const { image } of versions.filter((version) => version !== four)) {
      expect(await isWhole(repository, image)).toBe(true);
      await verifyImage(worker, { repository, digest: image.digest }, rig.keys.publicKey);
    }
    await delay(5);
    // As the agent of a machine does whose disk is full.
    const asked = await fetch(`http://127.0.0.1:${rig.config.statusPort}/clean`, { method: 'POST' });
    expect(await asked.json()).toMatchObject({
      freedBytes: expect.any(Number),
      freedCount: expect.any(Number),
    });
    const blob = await storeOf().findBlob(four?.image.layers[0]?.digest.replace('sha256:', '') ?? '');
    expect(blob).toBeNull();
    // An app with an operation is left alone, as is one whose images are young.
    await rig.db.app.update({ where: { id: app.id }, data: { activeOperationId: 'any' } });
    await rig.db.version.deleteMany({ where: { appId: app.id } });
    await rig.hub.clean();
    expect(await isWhole(repository, versions[8]?.image as Image)).toBe(true);
  } finally {
    await rig.start();
  }
});

test('garbage goes while builds push, and whatever ends the collector, no image loses a part', async () => {
  const app = await rig.newApp('blue');
  const repository = repositoryOf(app);
  const [store, trash] = [storeOf(), join(rig.config.dataDir, 'trash')];
  const worker = rig.client('worker');
  const chaos = rig.client('chaos');
  const graceMs = 150;
  const shared = await rig.newImage(20_000);
  const kept: Image[] = [];
  const progress = { isOver: false };
  const pushing = (async () => {
    for (let number = 1; number <= 30; number += 1) {
      const { image, sources } = await rig.newImage(5_000, shared.sources);
      await pushImage(chaos, { repository, tag: String(number) }, image, sources);
      // Every second one goes at once, so that its layer, and now and then the shared one, is garbage.
      if (number % 2) await worker.deleteManifest(repository, image.digest);
      else kept.push(image);
      if (number % 10 === 0)
        for (const one of kept.splice(0)) await worker.deleteManifest(repository, one.digest);
    }
    const last = await rig.newImage(5_000, shared.sources);
    await pushImage(chaos, { repository, tag: 'last' }, last.image, last.sources);
    kept.push(last.image);
  })().finally(() => (progress.isOver = true));
  const script = join(import.meta.dirname, 'testkit/collect-process.ts');
  const root = join(rig.config.dataDir, 'store');
  let kills = 0;
  do {
    const child = spawn(process.execPath, [script, root, trash, String(graceMs)], { stdio: 'ignore' });
    const gone = once(child, 'exit');
    await delay(400 + Math.random() * 300);
    child.kill('SIGKILL');
    await gone;
    kills += 1;
  } while (!progress.isOver || kills < 4);
  await pushing;
  for (let pass = 0; pass < 3; pass += 1) {
    await delay(graceMs + 50);
    await collectGarbage({ store, trash, graceMs });
  }
  expect(kept.length).toBeGreaterThan(0);
  for (const image of kept) expect(await isWhole(repository, image)).toBe(true);
  const live = new Set(
    (await Promise.all((await store.manifests(repository)).map(({ hex }) => store.partsOf(hex)))).flatMap(
      (parts) => parts ?? [],
    ),
  );
  for (const { hex } of await store.layers(repository)) expect(live).toContain(hex);
});

test('a blob that is put aside while a push counts on it is sent again, or comes back', async () => {
  const app = await rig.newApp('blue');
  const repository = repositoryOf(app);
  const [store, trash] = [storeOf(), join(rig.config.dataDir, 'trash')];
  const chaos = rig.client('chaos');
  const { image, sources } = await rig.newImage();
  const hex = image.layers[0]?.digest.replace('sha256:', '') as string;
  await pushImage(chaos, { repository, tag: '1' }, image, sources);
  await rig.client('worker').deleteManifest(repository, image.digest);
  const { file } = (await store.findBlob(hex)) ?? { file: '' };
  await utimes(file, new Date(0), new Date(0));
  await collectGarbage({ store, trash, graceMs: 3_600_000 });
  expect(await store.findBlob(hex)).toBeNull();
  await expect(chaos.putManifest(repository, image.manifest, '1')).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  await pushImage(chaos, { repository, tag: '1' }, image, sources);
  expect(await isWhole(repository, image)).toBe(true);
  // As if the manifest had been written the moment before its blobs were put aside.
  await collectGarbage({ store, trash, graceMs: 3_600_000 });
  await rm(trash, { recursive: true });
  await collectGarbage({ store, trash, graceMs: 3_600_000 });
  expect(await isWhole(repository, image)).toBe(true);
});

describe('an image is refused', () => {
  let repository: string;
  const check = (image: Image, at = repository) =>
    verifyImage(rig.client('worker'), { repository: at, digest: image.digest }, rig.keys.publicKey);
  const pushed = async (at = repository) => {
    const { image, sources } = await rig.newImage();
    await pushImage(rig.client('chaos'), { repository: at, tag: '1' }, image, sources);
    return image;
  };
  beforeAll(async () => {
    repository = repositoryOf(await rig.newApp('blue'));
  });

  test('that nobody signed, or somebody else', async () => {
    const image = await pushed();
    await expect(check(image)).rejects.toThrow(/has no signature/);
    const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
    await signImage(rig.client('chaos'), { repository, digest: image.digest }, { privateKey, publicKey: '' });
    await expect(check(image)).rejects.toThrow(/signature is not of this data centre/);
    await signImage(rig.client('chaos'), { repository, digest: image.digest }, rig.keys);
    await check(image);
  });

  test('with the signature of another image, or of another repository', async () => {
    const [good, bad] = [await pushed(), await pushed()];
    const chaos = rig.client('chaos');
    await signImage(chaos, { repository, digest: good.digest }, rig.keys);
    const signature = await chaos.findManifest(repository, tagBeside(good.digest, 'sig'));
    await chaos.putManifest(repository, signature as Buffer, tagBeside(bad.digest, 'sig'));
    await expect(check(bad)).rejects.toThrow(/signature is that of another image/);
    const elsewhere = repositoryOf(await rig.newApp('red'));
    const { image, sources } = await rig.newImage();
    for (const at of [repository, elsewhere]) await pushImage(chaos, { repository: at }, image, sources);
    await signImage(chaos, { repository, digest: image.digest }, rig.keys);
    await expect(check(image, elsewhere)).rejects.toThrow(/has no signature/);
  });

  test('whose manifest was altered on the disk, or is gone', async () => {
    const image = await pushed();
    await signImage(rig.client('chaos'), { repository, digest: image.digest }, rig.keys);
    const { file } = (await storeOf().findBlob(image.digest.replace('sha256:', ''))) ?? { file: '' };
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"schemaVersion":2', '"schemaVersion": 2'));
    await expect(check(image)).rejects.toThrow(/altered/);
    await writeFile(file, text);
    await check(image);
    await rig.client('worker').deleteManifest(repository, image.digest);
    await expect(check(image)).rejects.toThrow(/does not have it any more/);
  });
});

test('what is said of an image stands beside it, once of each kind', async () => {
  const repository = repositoryOf(await rig.newApp('blue'));
  const chaos = rig.client('chaos');
  const { image, sources } = await rig.newImage();
  await pushImage(chaos, { repository, tag: '1' }, image, sources);
  const reference = { repository, digest: image.digest, size: image.manifest.length };
  await attachArtifacts(chaos, reference, billOf('{"first":1}'));
  await attachArtifacts(chaos, reference, billOf('{"second":2}'));
  expect(await listReferrers(chaos, reference)).toHaveLength(1);
  const [part] = (await findArtifact(chaos, reference, spdx)) ?? [];
  expect(part?.toString()).toBe('{"second":2}');
});

test('an image gets a new base by its config and manifest alone', async () => {
  const repository = repositoryOf(await rig.newApp('blue'));
  const chaos = rig.client('chaos');
  const [from, to] = [await rig.newImage(50_000), await rig.newImage(50_000)];
  for (const [tag, base] of Object.entries({ old: from, new: to }))
    await pushImage(chaos, { repository: 'skyarc/base', tag }, base.image, base.sources);
  const { image, sources } = await rig.newImage(9_000, from.sources);
  await pushImage(chaos, { repository, tag: '1' }, image, sources);
  const rebased = rebaseImage(image, { from: from.image.layers, to: to.image.layers });
  const below = to.sources.map((source) => ({ ...source, mountFrom: 'skyarc/base' }));
  const sent = await pushImage(chaos, { repository, tag: '1-rebased' }, rebased, [
    ...below,
    ...sources.slice(1),
  ]);
  expect(sent).toBe(rebased.config.length);
  expect(await isWhole(repository, rebased)).toBe(true);
  expect(rebased.layers.map(({ digest }) => digest)).toEqual([
    to.image.layers[0]?.digest,
    image.layers[1]?.digest,
  ]);
});

test('a registry from before there was a login gets one, and its images are signed', async () => {
  const app = await rig.newApp('blue');
  const repository = repositoryOf(app);
  const { image, id } = await rig.newVersion(app, 1);
  await rig.hub.stop();
  await stopEngine(rig.config);
  const { dataDir, port } = rig.config;
  const tag = tagBeside(image.digest, 'sig');
  await rm(join(storeOf().folder, 'repositories', repository, '_manifests/tags', tag), { recursive: true });
  await rm(join(dataDir, 'earlier-versions-signed'));
  const text = JSON.stringify({
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(dataDir, 'store') }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
  });
  await writeFile(join(dataDir, 'config.yml'), text);
  const url = `http://127.0.0.1:${port}/v2/`;
  const earlier = new Daemon({
    name: 'registry',
    folder: dataDir,
    command: 'docker-registry',
    args: ['serve', join(dataDir, 'config.yml')],
    ready: async () => (await fetch(url)).ok,
  });
  await earlier.ensure();
  await rig.start();
  expect((await fetch(url)).status).toBe(401);
  await verifyImage(rig.client('worker'), { repository, digest: image.digest }, rig.keys.publicKey);
  // Only once: what comes later without a signature stays refused.
  const later = await rig.newImage();
  await pushImage(rig.client('chaos'), { repository, tag: '2' }, later.image, later.sources);
  await rig.db.version.update({ where: { id }, data: { image: `${repository}@${later.image.digest}` } });
  await rig.start();
  const refused = verifyImage(
    rig.client('worker'),
    { repository, digest: later.image.digest },
    rig.keys.publicKey,
  );
  await expect(refused).rejects.toThrow(/has no signature/);
});
