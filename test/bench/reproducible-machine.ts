/** One machine of `reproducible.ts`: builds every app once with empty caches and prints their manifests as its last line. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setLogLevel } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import { BuildWorld, type Manifest, type Packages } from './builds-world.ts';

export interface MachineTask {
  readonly apps: readonly {
    readonly id: string;
    readonly name: string;
    readonly url: string;
    readonly memoryMb?: number;
  }[];
  readonly hasOwnLayers: boolean;
  readonly umask: number;
  readonly basePort: number;
  /** Host name, folder and instance. */
  readonly name: string;
  readonly packages: Packages;
}

setLogLevel('error');
const task = JSON.parse(process.argv[2] as string) as MachineTask;
process.umask(task.umask);
const { code, stderr } = await run('hostname', [task.name]);
if (code !== 0) throw new Error(stderr);
const folder = await mkdtemp(join(tmpdir(), `${task.name}-`));
const parent = join(folder, 'a/path/of/its/own');
await mkdir(parent, { recursive: true });
const { basePort, packages, name, hasOwnLayers } = task;
const layers = hasOwnLayers ? { layersDir: join(folder, 'layers') } : {};
const world = await BuildWorld.start({
  basePort,
  packages,
  parent,
  env: process.env,
  chaos: { instance: name.slice(0, 20), node: name, ...layers },
});
const manifests: Record<string, Manifest> = {};
try {
  for (const app of task.apps) {
    const id = await world.newAppOf(app.name, app, app);
    manifests[app.name] = await world.manifestOf((await world.build(id)).image);
  }
} finally {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
}
console.log(JSON.stringify(manifests));
