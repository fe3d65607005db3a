import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';
import { nodejs, packageManager } from '../../base/runtimes/nodejs.ts';
import type { SourceTree } from '../../sources/tree.ts';
import { type BuildContext, type BuildOutput, defaultPort, type Launch } from '../buildpack.ts';
import { portsIn, shellCommand } from '../procfile.ts';
import type { Project } from '../settings.ts';
import { installDependencies } from './install.ts';
import { findManager, type PackageManager } from './package-managers.ts';

export const name = 'nodejs';

const packageJson = z.looseObject({
  main: z.string().optional(),
  scripts: z.record(z.string(), z.string()).default({}),
  engines: z.looseObject({ node: z.string().optional() }).default({}),
  packageManager: z.string().optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
  workspaces: z.unknown().optional(),
});
export type PackageJson = z.output<typeof packageJson>;

export interface NodePlan {
  readonly pkg: PackageJson;
  readonly nodeRange: string;
  readonly manager: PackageManager;
  readonly hasBuild: boolean;
  readonly processes: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
}

const defaultNode = '24';

export async function detect(source: SourceTree): Promise<string | null> {
  return (await source.has('package.json')) ? 'package.json' : null;
}

export async function plan(source: SourceTree, project: Project): Promise<NodePlan> {
  const pkg = await readPackage(source);
  const processes = { ...project.run.processes };
  const main = await findMain(source, pkg);
  processes['web'] ??= startCommand(pkg, main);
  if (!processes['web']) {
    throw new AppError(
      'INVALID',
      'This Node.js app does not say how it starts: add a "start" script to package.json, or a Procfile with "web: command"',
    );
  }
  const text = main ? ((await source.readText(main)) ?? '') : '';
  return {
    pkg,
    nodeRange: await readRange(source, pkg),
    manager: await findManager(source, pkg.packageManager),
    hasBuild: pkg.scripts['build'] !== undefined,
    processes,
    ports: [...portsIn(processes['web']), ...portsIn(text)].slice(0, 1),
  };
}

export async function build(context: BuildContext, plan: NodePlan): Promise<BuildOutput> {
  const { room, runtimes, base, say } = context;
  const runtime = await nodejs(runtimes, plan.nodeRange);
  say(`Node.js ${runtime.version}, ${plan.manager.name}`);
  const { tool } = plan.manager;
  const tools = tool ? [await packageManager(runtimes, tool.name, tool.range)] : [];
  await room.enter([...tools, runtime, base].map(({ root }) => root));
  const layers = await installDependencies(context, plan, runtime.version);
  const app = { folder: context.source.folder, prefix: 'app', exclude: isPackages };
  return { kind: 'layers', runtime, layers: [...layers, app] };
}

function isPackages(path: string): boolean {
  return path === 'node_modules';
}

export function launch({ processes, ports }: NodePlan): Launch {
  return {
    processes,
    command: shellCommand(processes['web'] as string),
    ports: ports.length > 0 ? ports : [defaultPort],
    env: {
      PATH: '/app/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      NODE_ENV: 'production',
      PORT: String(ports[0] ?? defaultPort),
    },
  };
}

async function readPackage(source: SourceTree): Promise<PackageJson> {
  try {
    return packageJson.parse(JSON.parse((await source.readText('package.json')) ?? ''));
  } catch (cause) {
    const reason =
      cause instanceof z.ZodError ? `"${cause.issues[0]?.path.join('.')}" has a wrong type` : String(cause);
    throw new AppError('INVALID', `package.json cannot be read: ${reason.replace(/^SyntaxError: /, '')}`, {
      cause,
    });
  }
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

async function readRange(source: SourceTree, pkg: PackageJson): Promise<string> {
  const file = (await source.readText('.nvmrc')) ?? (await source.readText('.node-version'));
  const range = (pkg.engines.node ?? file ?? defaultNode).trim().replace(/^v(?=\d)/, '');
  if (/^(lts\/.*|node|stable|\*|latest)$/.test(range)) return defaultNode;
  if (!/^[\d.xX*^~<>=| -]{1,60}$/.test(range)) {
    throw new AppError(
      'INVALID',
      `"${range.slice(0, 60)}" is not a range of Node.js versions; use one such as "24" or ">=22 <25"`,
    );
  }
  // An open range means "from this on": the default is within it, and newer ones are not tried yet.
  const least = /^>=? ?(\d+)[\d.]*$/.exec(range);
  return least && Number(least[1]) <= Number(defaultNode) ? defaultNode : range;
}
