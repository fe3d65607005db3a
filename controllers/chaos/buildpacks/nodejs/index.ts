import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { nodejs, packageManager } from '../../base/runtimes/nodejs.ts';
import { webServer } from '../../base/runtimes/web-server.ts';
import type { SourceTree } from '../../sources/tree.ts';
import {
  type BuildContext,
  type BuildOutput,
  defaultPort,
  type FolderLayer,
  type Launch,
  type Module,
} from '../buildpack.ts';
import { portsIn, shellCommand } from '../procfile.ts';
import { emptyProject, type Project } from '../settings.ts';
import { serveFiles } from '../static/serve.ts';
import { type FrontEnd, findFrontEnd, findNextServer, type NextServer } from './front-ends.ts';
import { installDependencies } from './install.ts';
import { makeReproducible } from './next-build.ts';
import { type PackageJson, readPackage } from './package-json.ts';
import { findManager, type PackageManager } from './package-managers.ts';
import { readRange } from './version.ts';
import { buildOrder, listPackages, type WorkspacePackage } from './workspace.ts';

export const name = 'nodejs';

export interface NodePlan {
  /** Of the whole source. */
  readonly pkg: PackageJson;
  /** Folder of the package that runs; empty for the whole source. */
  readonly folder: string;
  readonly nodeRange: string;
  readonly manager: PackageManager;
  /** Commands that build, in their order. */
  readonly builds: readonly (readonly string[])[];
  /** Folders of the source that tools keep from build to build. */
  readonly caches: readonly string[];
  /** What the image is of: the program with its packages, a server that brings its own, or files alone. */
  readonly result: 'program' | 'standalone' | 'files';
  readonly frontEnd: FrontEnd | null;
  readonly next: NextServer | null;
  readonly processes: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
  readonly warnings: readonly string[];
}

export async function detect(source: SourceTree): Promise<string | null> {
  return (await source.has('package.json')) ? 'package.json' : null;
}

/** Packages of a workspace that can run or be shown. */
export async function modules(source: SourceTree): Promise<readonly Module[]> {
  const found: Module[] = [];
  for (const one of await listPackages(source, await readPackage(source))) {
    const folder = (await source.sub(one.path)) as SourceTree;
    const kind = await kindOf(folder, one.pkg);
    if (kind) found.push({ name: one.name, path: one.path, kind });
  }
  return found;
}

export async function plan(source: SourceTree, project: Project): Promise<NodePlan> {
  const pkg = await readPackage(source);
  const packages = await listPackages(source, pkg);
  const chosen = packages.find(({ name: one }) => one === project.module);
  const app = chosen ? ((await source.sub(chosen.path)) as SourceTree) : source;
  const own = chosen?.pkg ?? pkg;
  const folder = chosen?.path ?? '';
  const frontEnd = await findFrontEnd(app, own, project);
  const next = frontEnd ? null : await findNextServer(app, own);
  const manager = await findManager(source, pkg.packageManager);
  const main = await findMain(app, own);
  const isStandalone = next?.isStandalone === true && !project.run.processes['web'] && folder === '';
  const start = isStandalone ? 'node server.js' : inFolder(folder, startCommand(own, main));
  const web = project.run.processes['web'] ?? start;
  if (!web && !frontEnd) throw await cannotStart(source, packages);
  const processes = {
    ...project.run.processes,
    web: frontEnd ? serveFiles('/app', frontEnd.isSinglePage).join(' ') : web,
  };
  const text = main ? ((await app.readText(main)) ?? '') : '';
  const isNext = next !== null || frontEnd?.framework === 'Next.js';
  return {
    pkg,
    folder,
    nodeRange: await readRange(app, own, source),
    manager,
    builds: buildCommands(project, manager, { pkg, packages, chosen }),
    caches: isNext ? [join(folder, next?.distDir ?? '.next', 'cache')] : [],
    result: frontEnd ? 'files' : isStandalone ? 'standalone' : 'program',
    frontEnd,
    next,
    processes,
    ports: frontEnd ? [] : [...portsIn(web), ...portsIn(text)].slice(0, 1),
    warnings:
      manager.lockFile === null && Object.keys(pkg.dependencies).length > 0
        ? ['There is no lock file: each build may bring other versions; commit package-lock.json']
        : [],
  };
}

export async function build(context: BuildContext, plan: NodePlan): Promise<BuildOutput> {
  const { room, runtimes, base, source, say } = context;
  const runtime = await nodejs(runtimes, plan.nodeRange);
  say(`Node.js ${runtime.version}, ${plan.manager.name}`);
  const { tool } = plan.manager;
  const tools = tool ? [await packageManager(runtimes, tool.name, tool.range)] : [];
  room.enter([...tools, runtime, base].map(({ root }) => root));
  const dependencies = await installDependencies(context, plan, runtime.version);
  if (plan.frontEnd) {
    const files = await resultOf(source, join(plan.folder, plan.frontEnd.folder));
    say(`${plan.frontEnd.framework}: files are served by nginx`);
    return { kind: 'layers', runtime: await webServer(runtimes), layers: [{ folder: files, prefix: 'app' }] };
  }
  if (plan.next) await makeReproducible(source, join(plan.folder, plan.next.distDir));
  if (plan.result === 'standalone') {
    return { kind: 'layers', runtime, layers: await standaloneLayers(source, plan.next as NextServer) };
  }
  const app = { folder: source.folder, prefix: 'app', exclude: isNotOfApp(plan.caches) };
  return { kind: 'layers', runtime, layers: [...dependencies, app] };
}

export function launch({ processes, ports, frontEnd, next, folder, nodeRange, warnings }: NodePlan): Launch {
  const port = ports[0] ?? defaultPort;
  if (frontEnd) {
    return {
      processes,
      command: serveFiles('/app', frontEnd.isSinglePage),
      ports: [defaultPort],
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        PORT: String(defaultPort),
      },
      language: frontEnd.framework,
      version: null,
      memoryMb: 128,
      warnings,
    };
  }
  const bins = [...(folder ? [`/app/${folder}/node_modules/.bin`] : []), '/app/node_modules/.bin'];
  return {
    processes,
    command: shellCommand(processes['web'] as string),
    ports: [port],
    env: {
      PATH: `${bins.join(':')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      NODE_ENV: 'production',
      ...(next ? { HOSTNAME: '0.0.0.0', NEXT_TELEMETRY_DISABLED: '1' } : {}),
      PORT: String(port),
    },
    language: next ? 'Next.js' : 'Node.js',
    version: nodeRange,
    warnings,
  };
}

function isNotOfApp(caches: readonly string[]): (path: string) => boolean {
  return (path) => path === 'node_modules' || caches.includes(path);
}

/** A folder that the build made; a link to anywhere else is none. */
async function resultOf(source: SourceTree, path: string): Promise<string> {
  const made = await source.sub(path);
  if (made) return made.folder;
  throw new AppError(
    'INVALID',
    `The build made no folder "${path}"; set documentRoot to the one that it makes`,
  );
}

/** What `next build` makes for a server on its own; the files that it leaves to be copied (Next.js docs, output) are layers too. */
async function standaloneLayers(
  source: SourceTree,
  { distDir }: NextServer,
): Promise<readonly FolderLayer[]> {
  const folder = await resultOf(source, join(distDir, 'standalone'));
  if (!(await source.has(join(distDir, 'standalone/server.js'))))
    throw new AppError('INVALID', `next build made no ${distDir}/standalone/server.js`);
  const layers: FolderLayer[] = [];
  const add = async (path: string, prefix: string, options: Partial<FolderLayer> = {}) => {
    const tree = await source.sub(path);
    if (tree) layers.push({ folder: tree.folder, prefix, ...options });
  };
  await add(join(distDir, 'standalone/node_modules'), 'app/node_modules', { isDependencies: true });
  const left = new Set(['node_modules', 'public', join(distDir, 'static'), join(distDir, 'cache')]);
  layers.push({ folder, prefix: 'app', exclude: (path) => left.has(path) });
  await add('public', 'app/public');
  await add(join(distDir, 'static'), join('app', distDir, 'static'));
  return layers;
}

interface Parts {
  readonly pkg: PackageJson;
  readonly packages: readonly WorkspacePackage[];
  readonly chosen: WorkspacePackage | undefined;
}

/** The command that was set; else the build script, after those of the packages that it needs. */
function buildCommands(
  { buildCommand }: Project,
  manager: PackageManager,
  { pkg, packages, chosen }: Parts,
): readonly (readonly string[])[] {
  if (buildCommand) return [['/bin/sh', '-c', chosen ? inFolder(chosen.path, buildCommand) : buildCommand]];
  if (!chosen) return pkg.scripts['build'] === undefined ? [] : [[manager.name, 'run', 'build']];
  return buildOrder(packages, chosen)
    .filter((one) => one.pkg.scripts['build'] !== undefined)
    .map((one) => manager.runIn(one.name, 'build'));
}

function inFolder(folder: string, command: string): string {
  if (!folder || !command) return command;
  const quoted = /^[\w@./-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", `'\\''`)}'`;
  return `cd ${quoted} && ${shellCommand(command)[2]}`;
}

async function cannotStart(source: SourceTree, packages: readonly WorkspacePackage[]): Promise<AppError> {
  const names = packages.length > 0 ? (await modules(source)).map(({ name: one }) => one) : [];
  return new AppError(
    'INVALID',
    names.length > 0
      ? `This is a workspace: choose one of its packages as module: ${names.slice(0, 30).join(', ')}`
      : 'This Node.js app does not say how it starts: add a "start" script to package.json, or a Procfile with "web: command"',
  );
}

async function kindOf(source: SourceTree, pkg: PackageJson): Promise<string | null> {
  const frontEnd = await findFrontEnd(source, pkg, emptyProject);
  if (frontEnd) return frontEnd.framework;
  if (await findNextServer(source, pkg)) return 'Next.js';
  return pkg.scripts['start'] ? 'Node.js' : null;
}

/** As `npm start` would, but without npm in between, which keeps signals from the app. */
function startCommand({ scripts }: PackageJson, main: string | undefined): string {
  const { start, prestart, poststart } = scripts;
  if (start) return prestart || poststart ? 'npm start' : start;
  return main ? `node ${main}` : '';
}

async function findMain(source: SourceTree, pkg: PackageJson): Promise<string | undefined> {
  const started = /^node (?:--\S+ )*(\.?[\w./-]+\.[cm]?[jt]s)/.exec(pkg.scripts['start'] ?? '')?.[1];
  const wanted = [started, pkg.main, 'server.js', 'index.js', 'app.js', 'main.js'];
  return source.firstOf(wanted.filter((path) => path !== undefined && /^[\w./-]+$/.test(path)) as string[]);
}
