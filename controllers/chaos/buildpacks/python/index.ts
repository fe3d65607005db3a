import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { AppError } from '@skyarc/lib/errors';
import { python } from '../../base/runtimes/python.ts';
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

export const name = 'python';

export interface PythonPlan {
  readonly requirements: string | null;
  readonly processes: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
}

const programs = ['wsgi.py', 'asgi.py', 'app.py', 'main.py', 'server.py', 'run.py'];
const signs = ['requirements.txt', 'manage.py'];
const venv = '/opt/venv';

export async function detect(source: SourceTree): Promise<string | null> {
  const sign = await source.firstOf(signs);
  if (sign) return sign;
  return (await source.has('package.json')) ? null : ((await source.firstOf(programs)) ?? null);
}

export async function plan(source: SourceTree, project: Project): Promise<PythonPlan> {
  const requirements = await source.readText('requirements.txt');
  const processes = { ...project.run.processes };
  const program = await source.firstOf(programs);
  const text = program ? ((await source.readText(program)) ?? '') : '';
  processes['web'] ??= await startCommand(source, { requirements: requirements ?? '', program, text });
  if (!processes['web']) {
    throw new AppError(
      'INVALID',
      `This Python app does not say how it starts: add a Procfile with "web: command", or one of ${programs.join(', ')}`,
    );
  }
  return {
    requirements: requirements?.trim() ? requirements : null,
    processes,
    ports: [...portsIn(processes['web']), ...(/\$\{?PORT/.test(processes['web']) ? [] : portsIn(text))].slice(
      0,
      1,
    ),
  };
}

export async function build(context: BuildContext, plan: PythonPlan): Promise<BuildOutput> {
  const { room, runtimes, base, source, say } = context;
  const runtime = await python(runtimes);
  await room.own(source.folder);
  const app: FolderLayer = {
    folder: source.folder,
    prefix: 'app',
    exclude: (path) => path === '__pycache__' || path.endsWith('/__pycache__'),
  };
  if (plan.requirements === null) {
    say('No packages to install');
    return { kind: 'layers', runtime, layers: [app] };
  }
  await room.enter([runtime.root, base.root]);
  const key = createHash('sha256').update(`1 ${runtime.layer.digest}\0${plan.requirements}`).digest('hex');
  const isSelfContained = !/^\s*(-[erc]|--|\.|file:|git\+)/m.test(plan.requirements);
  const kept = room.disk.path('cache', 'packages', key.slice(0, 32));
  const isKept = isSelfContained && (await readdir(kept).catch(() => [])).length > 0;
  if (isKept) say('Packages are unchanged: kept from an earlier build');
  else await install(context, kept);
  return {
    kind: 'layers',
    runtime,
    layers: [{ folder: kept, prefix: venv.slice(1), remember: `${kept}.layer.json` }, app],
  };
}

export function launch({ processes, ports }: PythonPlan): Launch {
  return {
    processes,
    command: shellCommand(processes['web'] as string),
    ports: ports.length > 0 ? ports : [defaultPort],
    env: {
      PATH: `${venv}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      PYTHONUNBUFFERED: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      PORT: String(ports[0] ?? defaultPort),
    },
  };
}

/** Compiled files carry a hash of their source instead of a time, so that equal packages are equal bytes. */
async function install({ room, source }: BuildContext, kept: string): Promise<void> {
  await rm(room.disk.path('cache', 'packages'), { recursive: true, force: true });
  const partial = `${kept}.partial`;
  await mkdir(partial, { recursive: true });
  await room.own(partial);
  await room.own(await room.disk.folder('cache/tools'));
  const mounts = [
    { source: source.folder, destination: '/app' },
    { source: partial, destination: venv },
    { source: room.disk.path('cache/tools'), destination: '/cache' },
  ];
  const env = { PIP_CACHE_DIR: '/cache/pip', PIP_NO_INPUT: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1' };
  const python = `${venv}/bin/python`;
  await room.exec({ label: 'python3 -m venv', args: ['/usr/bin/python3', '-m', 'venv', venv], mounts });
  await room.exec({
    label: 'pip install -r requirements.txt',
    args: [python, '-m', 'pip', 'install', '--no-compile', '--progress-bar=off', '-r', 'requirements.txt'],
    env,
    mounts,
  });
  const compile = ['-m', 'compileall', '-q', '-f', '--invalidation-mode', 'unchecked-hash', `${venv}/lib`];
  await room
    .exec({ label: 'python -m compileall', args: [python, ...compile], mounts })
    .catch(() => undefined);
  room.signal.throwIfAborted();
  await rename(partial, kept);
}

interface Facts {
  readonly requirements: string;
  readonly program: string | undefined;
  readonly text: string;
}

/** What the frameworks' own guides say; the app's object is `app` or `application` by custom. */
async function startCommand(source: SourceTree, { requirements, program, text }: Facts): Promise<string> {
  const has = (pkg: string) => new RegExp(`^${pkg}\\b`, 'im').test(requirements);
  const module = program?.replace(/\.py$/, '');
  const object = /^application\s*=/m.test(text) ? 'application' : 'app';
  const servesItself = /__main__|\.serve_forever\(|\.run\(/.test(text);
  if (module && has('uvicorn') && /FastAPI|Starlette|^app\s*=/m.test(text)) {
    return `uvicorn ${module}:${object} --host 0.0.0.0 --port $PORT`;
  }
  if (module && has('gunicorn') && /^(app|application)\s*=/m.test(text)) {
    return `gunicorn --bind 0.0.0.0:$PORT --access-logfile - ${module}:${object}`;
  }
  if (module && has('flask') && /Flask\(/.test(text))
    return `flask --app ${module} run --host 0.0.0.0 --port $PORT`;
  if (await source.has('manage.py')) return 'python3 manage.py runserver 0.0.0.0:$PORT';
  if (program && (servesItself || !/wsgi|asgi/.test(program))) return `python3 ${program}`;
  return '';
}
