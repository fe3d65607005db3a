import { createHash } from 'node:crypto';
import { cp, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import type { BuildContext, FolderLayer } from '../buildpack.ts';
import type { NodePlan } from './index.ts';
import { writeKeys } from './next-build.ts';

/** Scripts of the app that run when its packages are installed, and may read all its files. */
const installScripts = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];

/**
 * Installs, builds, and answers the layer of packages that the app needs when it runs. When nothing but
 * lock file, package.json and Node.js can change the packages, they are kept for the next build.
 */
export async function installDependencies(
  context: BuildContext,
  plan: NodePlan,
  nodeVersion: string,
): Promise<readonly FolderLayer[]> {
  const { room, source, say } = context;
  const { pkg, manager, builds, result } = plan;
  const hasBuild = builds.length > 0;
  const isWorkspace = plan.folder !== '' || pkg.workspaces !== undefined;
  await room.cache('tools');
  if (plan.caches.length > 0) {
    const keys = await writeKeys(await room.cache('build'), context.secretFor);
    for (const file of keys) room.own(file);
  }
  for (const path of plan.caches) await makeFolder(source.folder, path);
  room.own(source.folder);
  const runs = new Installation(context, plan);
  const needed = { ...pkg.dependencies, ...pkg.optionalDependencies };
  const hasDev = isWorkspace || Object.keys(pkg.devDependencies).length > 0;
  const needsDev = (hasBuild || runs.hasInstallScripts) && hasDev;
  if (Object.keys(needed).length === 0 && !needsDev && !isWorkspace) {
    say('No packages to install');
    if (hasBuild) await runs.build();
    return [];
  }
  if (manager.lockFile === null)
    say('There is no lock file: each install may bring other versions; commit package-lock.json');
  if (isWorkspace || runs.hasInstallScripts) {
    await runs.install(!needsDev);
    if (hasBuild) await runs.build();
    if (result !== 'program') return [];
    if (needsDev) await runs.prune();
    return [
      { folder: join(source.folder, 'node_modules'), prefix: 'app/node_modules', isDependencies: true },
    ];
  }
  const kept = room.disk.path('cache', 'packages', await keyOf(context, plan, nodeVersion));
  const isFromCache = (await readdir(kept).catch(() => [])).length > 0;
  if (isFromCache) say('Packages are unchanged: kept from an earlier build');
  else await runs.installInto(kept, needsDev);
  if (hasBuild) await runs.build(join(kept, needsDev ? 'all' : 'production'));
  if (result !== 'program') return [];
  const folder = join(kept, 'production');
  return [{ folder, prefix: 'app/node_modules', remember: `${kept}.layer.json`, isFromCache }];
}

/** A folder to mount on, of the build's user; never through a link of the source. */
async function makeFolder(root: string, path: string): Promise<void> {
  let place = root;
  for (const name of path.split('/')) {
    place = join(place, name);
    const stats = await lstat(place).catch(() => null);
    if (stats === null) await mkdir(place);
    else if (!stats.isDirectory()) throw new AppError('INVALID', `"${path}" is not a folder of the source`);
  }
}

class Installation {
  private readonly context: BuildContext;
  private readonly plan: NodePlan;
  private readonly modules: string;
  /** Packages that the build script finds instead of what is in the source. */
  private shown: string | null = null;

  constructor(context: BuildContext, plan: NodePlan) {
    this.context = context;
    this.plan = plan;
    this.modules = join(context.source.folder, 'node_modules');
  }

  get hasInstallScripts(): boolean {
    return installScripts.some((script) => this.plan.pkg.scripts[script] !== undefined);
  }

  async install(production: boolean): Promise<void> {
    await rm(this.modules, { recursive: true, force: true });
    await this.run(this.plan.manager.install({ production }));
    await this.checkModules();
  }

  async prune(): Promise<void> {
    await this.run(this.plan.manager.prune);
    await this.checkModules();
  }

  /** Runs the build script; `packages` stay as they are, whatever it writes into them. */
  async build(packages?: string): Promise<void> {
    if (packages) {
      await rm(this.modules, { recursive: true, force: true });
      await mkdir(this.modules);
      this.shown = await this.context.room.copyOf(packages);
    }
    for (const command of this.plan.builds) await this.run(command);
  }

  /** Only the finished folder gets its name, so a build that ended halfway leaves nothing to trust. */
  async installInto(kept: string, needsDev: boolean): Promise<void> {
    const { room } = this.context;
    const partial = `${kept}.partial`;
    await rm(room.disk.path('cache', 'packages'), { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    await this.install(!needsDev);
    if (needsDev) {
      await cp(this.modules, join(partial, 'all'), { recursive: true, verbatimSymlinks: true });
      if (this.plan.result === 'program') await this.prune();
    }
    await rm(join(this.modules, '.cache'), { recursive: true, force: true });
    await rename(this.modules, join(partial, 'production'));
    await rename(partial, kept);
  }

  /** What a build wrote may be a link to anywhere; only a folder of its own is touched. */
  private async checkModules(): Promise<void> {
    const stats = await lstat(this.modules).catch(() => null);
    if (stats === null) await mkdir(this.modules);
    else if (!stats.isDirectory())
      throw new AppError('INVALID', 'node_modules is not a folder after installing');
  }

  private run(args: readonly string[]): Promise<void> {
    const { room, runtimes, source } = this.context;
    const { manager, caches } = this.plan;
    const isShell = args[0] === '/bin/sh';
    const label = isShell
      ? (args.at(-1) as string)
      : args.filter((arg) => !/^--(?!workspace|filter)/.test(arg)).join(' ');
    const registry = runtimes.env['npm_config_registry'];
    return room.exec({
      label,
      args,
      env: {
        NEXT_TELEMETRY_DISABLED: '1',
        // Compiled code of the tools, by the hash of its source.
        NODE_COMPILE_CACHE: '/cache/compiled',
        ...(registry ? { YARN_NPM_REGISTRY_SERVER: registry } : {}),
        ...manager.env,
      },
      mounts: [
        { source: source.folder, destination: '/app' },
        ...(this.shown ? [{ source: this.shown, destination: '/app/node_modules' }] : []),
        { source: room.disk.path('cache/tools'), destination: '/cache' },
        ...caches.map((path) => ({ source: room.disk.path('cache/build'), destination: `/app/${path}` })),
      ],
    });
  }
}

async function keyOf(
  { source }: BuildContext,
  { manager, result }: NodePlan,
  nodeVersion: string,
): Promise<string> {
  const tools = `${nodeVersion} ${manager.name} ${manager.tool?.range ?? ''} ${result === 'program'}`;
  const hash = createHash('sha256').update(`2 ${tools}\0`);
  for (const file of [
    'package.json',
    manager.lockFile,
    '.npmrc',
    '.yarnrc',
    '.yarnrc.yml',
    '.pnpmfile.cjs',
  ]) {
    hash.update(`${(file && (await source.readText(file))) ?? ''}\0`);
  }
  return hash.digest('hex').slice(0, 32);
}
