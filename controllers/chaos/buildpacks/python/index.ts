import { AppError } from '@skyarc/lib/errors';
import { python, pythonVersion } from '../../base/runtimes/python.ts';
import type { SourceTree } from '../../sources/tree.ts';
import {
  type BuildContext,
  type BuildOutput,
  defaultPort,
  type FolderLayer,
  type Launch,
} from '../buildpack.ts';
import { portsIn, shellCommand } from '../procfile.ts';
import type { Project } from '../settings.ts';
import { type Dependencies, readDependencies, readPyproject } from './dependencies.ts';
import { installPackages, librariesOf, venv } from './install.ts';
import { findStart, programs } from './start.ts';
import { checkVersion } from './version.ts';

export const name = 'python';

export interface PythonPlan {
  readonly dependencies: Dependencies;
  /** Requirement of the server that the app does not bring itself. */
  readonly server: string | null;
  readonly hasSourceFolder: boolean;
  readonly collectsStatic: boolean;
  readonly buildCommand: string | null;
  readonly processes: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
}

const signs = [
  'requirements.txt',
  'uv.lock',
  'poetry.lock',
  'Pipfile',
  'Pipfile.lock',
  'setup.py',
  'manage.py',
];

export async function detect(source: SourceTree): Promise<string | null> {
  const sign = await source.firstOf(signs);
  if (sign) return sign;
  const project = await source.readText('pyproject.toml');
  if (/^\[(?:project|tool\.poetry)\]/m.test(project ?? '')) return 'pyproject.toml';
  return (await source.has('package.json')) ? null : ((await source.firstOf(programs)) ?? null);
}

export async function plan(source: SourceTree, project: Project): Promise<PythonPlan> {
  const pyproject = await readPyproject(source);
  await checkVersion(source, pyproject);
  const dependencies = await readDependencies(source, pyproject);
  const start = await findStart(source, dependencies.names);
  const processes = { ...project.run.processes };
  const isOurs = processes['web'] === undefined;
  processes['web'] ??= start?.command ?? '';
  if (!processes['web']) {
    throw new AppError(
      'INVALID',
      `This Python app does not say how it starts: add a Procfile with "web: command", or one of ${programs.join(', ')}`,
    );
  }
  const usesPort = /\$\{?PORT/.test(processes['web']);
  return {
    dependencies,
    server: isOurs ? (start?.server ?? null) : null,
    hasSourceFolder: (await source.has('src')) && !(await source.has('src/__init__.py')),
    collectsStatic: start?.collectsStatic ?? false,
    buildCommand: project.buildCommand,
    processes,
    ports: [...portsIn(processes['web']), ...(usesPort ? [] : portsIn(start?.text ?? ''))].slice(0, 1),
  };
}

export async function build(context: BuildContext, plan: PythonPlan): Promise<BuildOutput> {
  const { room, runtimes, base, source, say } = context;
  const { dependencies, server } = plan;
  const runtime = await python(runtimes, librariesOf(dependencies.names).runtime);
  room.own(source.folder);
  const app: FolderLayer = {
    folder: source.folder,
    prefix: 'app',
    exclude: (path) => path === '__pycache__' || path.endsWith('/__pycache__'),
  };
  const hasPackages = dependencies.text.trim() !== '' || server !== null;
  if (!hasPackages) say('No packages to install');
  const installed = hasPackages ? await installPackages(context, plan, runtime) : null;
  if (!installed && plan.buildCommand) room.enter([runtime.root, base.root]);
  await prepareApp(context, plan, installed?.folder ?? null);
  if (!installed) return { kind: 'layers', runtime, layers: [app] };
  const { folder, isKept, isFromCache } = installed;
  const remember = isKept ? { remember: `${folder}.layer.json` } : { isDependencies: true };
  return {
    kind: 'layers',
    runtime,
    layers: [{ folder, prefix: venv.slice(1), isFromCache, ...remember }, app],
  };
}

export function launch({ processes, ports, dependencies, hasSourceFolder }: PythonPlan): Launch {
  return {
    processes,
    command: shellCommand(processes['web'] as string),
    ports: ports.length > 0 ? ports : [defaultPort],
    env: {
      PATH: pathWithPackages,
      PYTHONUNBUFFERED: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      ...(hasSourceFolder ? { PYTHONPATH: '/app/src' } : {}),
      PORT: String(ports[0] ?? defaultPort),
    },
    language: 'Python',
    version: pythonVersion,
    warnings: dependencies.warnings,
  };
}

const pathWithPackages = `${venv}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

/** The project's own build command, else Django's static files; an app that cannot collect them still starts. */
async function prepareApp(context: BuildContext, plan: PythonPlan, packages: string | null): Promise<void> {
  const { room, source, say } = context;
  const mounts = [
    { source: source.folder, destination: '/app' },
    ...(packages ? [{ source: packages, destination: venv, readonly: true }] : []),
  ];
  const env = { PATH: pathWithPackages, PYTHONDONTWRITEBYTECODE: '1', PYTHONHASHSEED: '0' };
  const command = plan.buildCommand;
  if (command) return room.exec({ label: command, args: ['/bin/sh', '-c', command], env, mounts });
  if (!plan.collectsStatic || !packages) return;
  const args = ['python3', 'manage.py', 'collectstatic', '--noinput'];
  try {
    await room.exec({ label: args.slice(1).join(' '), args, env, mounts });
  } catch (error) {
    room.signal.throwIfAborted();
    if (!(error instanceof AppError) || error.code !== 'INVALID') throw error;
    say(`Static files are not collected: ${error.message}`);
  }
}
