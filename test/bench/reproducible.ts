/**
 * Whether equal sources become equal images: `node test/bench/reproducible.ts [--apps go,java] [--rebuilds 5]`. Each
 * rebuild is a builder of its own with other paths, caches, registry, instance, host name, locale, time zone and umask, later
 * than the one before. Ends with status 1 when a digest differs.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setLogLevel } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import { type BenchApp, benchApps, filesOf } from './builds-apps.ts';
import { BuildWorld, type Manifest } from './builds-world.ts';
import type { MachineTask } from './reproducible-machine.ts';

/** A source is all that counts here. */
type Source = Pick<BenchApp, 'name' | 'files' | 'memoryMb'>;

const ruby = join(import.meta.dirname, '../../controllers/chaos/buildpacks/ruby/fixture');
const sources: readonly Source[] = [
  // Some need the file that a commit changes.
  ...benchApps.map((app) => ({
    ...app,
    files: async (packagesUrl: string) => ({ ...(await app.files(packagesUrl)), ...app.change(0) }),
  })),
  { name: 'fastapi', files: () => filesOf('fastapi') },
  { name: 'vite', files: () => filesOf('vite') },
  { name: 'ruby', files: () => filesOf(ruby) },
];
const { values } = parseArgs({
  options: {
    apps: { type: 'string', default: sources.map(({ name }) => name).join(',') },
    rebuilds: { type: 'string', default: '5' },
    packages: { type: 'string' },
    /** The last machine makes base and runtimes anew, which takes minutes. */
    'own-layers': { type: 'boolean', default: false },
  },
});
const wanted = values.apps.split(',');
const rebuilds = Number(values.rebuilds);
const strange = [
  { LC_ALL: 'C.UTF-8', TZ: 'UTC', umask: 0o022 },
  { LC_ALL: 'tr_TR.UTF-8', TZ: 'Asia/Kathmandu', umask: 0o077 },
  { LC_ALL: 'C', TZ: 'Pacific/Chatham', umask: 0o002 },
  { LC_ALL: 'zh_CN.UTF-8', TZ: 'America/St_Johns', umask: 0o027 },
  { LC_ALL: 'POSIX', TZ: 'Antarctica/Troll', umask: 0o000 },
];

setLogLevel('error');
const world = await BuildWorld.start({ basePort: 21_220, env: process.env, packagesDir: values.packages });
let differences = 0;
try {
  const apps: MachineTask['apps'][number][] = [];
  for (const { name, files, memoryMb } of sources.filter((one) => wanted.includes(one.name))) {
    const { id, repository } = await world.newApp(name, await files(world.packages.url));
    apps.push({ id, name, url: repository.url, memoryMb });
  }
  const seen = new Map<string, Manifest[]>();
  for (let machine = 0; machine < rebuilds; machine += 1) {
    const hasOwnLayers = values['own-layers'] && machine === rebuilds - 1;
    for (const [name, manifest] of Object.entries(await buildElsewhere(machine, { apps, hasOwnLayers })))
      seen.set(name, [...(seen.get(name) ?? []), manifest]);
  }
  console.log('| app | builds | digests | layers that differ |');
  console.log('|---|---|---|---|');
  for (const [name, manifests] of seen) {
    const digests = new Set(manifests.map((one) => JSON.stringify(one)));
    differences += digests.size - 1;
    console.log(
      `| ${name} | ${manifests.length} | ${digests.size} | ${differingLayers(manifests).join(', ')} |`,
    );
  }
} finally {
  await world.stop();
}
process.exitCode = differences === 0 ? 0 : 1;

/** The builds of one machine, by a process with a host name of its own. */
async function buildElsewhere(
  machine: number,
  { apps, hasOwnLayers }: { apps: MachineTask['apps']; hasOwnLayers: boolean },
): Promise<Record<string, Manifest>> {
  const { umask, ...locale } = strange[machine % strange.length] as (typeof strange)[number];
  const task: MachineTask = {
    apps,
    hasOwnLayers,
    umask,
    basePort: 21_230 + 10 * (machine % 2),
    name: `machine-${'x'.repeat(machine + 1)}`,
    packages: world.packages,
  };
  const program = join(import.meta.dirname, 'reproducible-machine.ts');
  const { code, stdout, stderr } = await run(
    'unshare',
    ['--uts', '--', process.execPath, program, JSON.stringify(task)],
    { env: { ...(process.env as Record<string, string>), ...locale }, timeoutMs: 3_600_000 },
  );
  if (code !== 0) throw new Error(`machine ${machine}: ${stdout.slice(-4_000)}\n${stderr.slice(-4_000)}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Record<string, Manifest>;
}

/** Positions in the image, the lowest first. */
function differingLayers(manifests: readonly Manifest[]): number[] {
  const [first] = manifests;
  return (first?.layers ?? []).flatMap(({ digest }, index) =>
    manifests.every(({ layers }) => layers[index]?.digest === digest) ? [] : [index],
  );
}
