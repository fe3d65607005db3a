import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleImage, pushImage, RegistryClient, writeLayer } from '@skyarc/lib/oci';
import { afterAll, expect, test } from 'vitest';
import { start, stopEngine } from './main.ts';

const folder = await mkdtemp(join(tmpdir(), 'skyarc-hub-'));
const config = { port: 20_500, statusPort: 20_501, dataDir: join(folder, 'hub') };
afterAll(async () => {
  await stopEngine(config);
  await rm(folder, { recursive: true });
});

test('the registry outlives its service, and a push waits while it is away', async () => {
  const hub = await start(config);
  await writeFile(join(folder, 'file'), 'hello');
  const layer = await writeLayer({
    from: { folder },
    to: join(folder, 'layer.tar.gz'),
    exclude: (p) => p !== 'file',
  });
  const image = assembleImage([layer], { cmd: ['/bin/true'] });
  const client = new RegistryClient({ url: hub.url });
  const sources = [{ layer, file: join(folder, 'layer.tar.gz') }];
  const target = { repository: 'team/app', tag: '1' };
  expect(await pushImage(client, target, image, sources)).toBe(layer.size + image.config.length);
  expect(await pushImage(client, { ...target, tag: '2' }, image, sources)).toBe(0);
  expect(await client.findManifest('team/app', '2')).toEqual(image.manifest);
  expect(await client.mountBlob('team/other', layer.digest, 'team/app')).toBe(true);
  expect(await client.findManifest('team/none', '1')).toBeNull();

  await hub.stop();
  expect(await client.hasBlob('team/app', layer.digest)).toBe(true);
  await stopEngine(config);
  const reasons: string[] = [];
  const waiting = client.with({ onWait: (reason) => reasons.push(reason) }).hasBlob('team/app', layer.digest);
  await expect.poll(() => reasons.length).toBeGreaterThan(0);
  const again = await start(config);
  expect(await waiting).toBe(true);
  expect(reasons[0]).toMatch(/does not answer/);
  expect(await client.deleteManifest('team/app', image.digest)).toBe(true);
  expect((await fetch(`http://127.0.0.1:${config.statusPort}/healthz`)).status).toBe(200);
  await again.stop();
});
