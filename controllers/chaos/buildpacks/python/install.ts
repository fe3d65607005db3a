import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { compile, pythonCompiler } from '../../base/runtimes/python.ts';
import type { SharedLayer } from '../../base/store.ts';
import type { BuildContext } from '../buildpack.ts';
import type { PythonPlan } from './index.ts';

/** The app's packages, in builds and in the image. */
export const venv = '/opt/venv';

/** Packages that reach Debian's libraries: what runs needs the one, what compiles the other. */
const libraries: Readonly<Record<string, readonly [runtime: string, headers: string]>> = {
  mysqlclient: ['libmariadb3', 'libmariadb-dev'],
  psycopg2: ['libpq5', 'libpq-dev'],
  'psycopg-c': ['libpq5', 'libpq-dev'],
  psycopg: ['libpq5', 'libpq-dev'],
  'python-ldap': ['libldap-2.5-0', 'libldap-dev'],
  'python-magic': ['libmagic1', 'libmagic-dev'],
  pygraphviz: ['libgraphviz-dev', 'libgraphviz-dev'],
  weasyprint: ['libpangoft2-1.0-0', 'libpangoft2-1.0-0'],
};

export function librariesOf(names: ReadonlySet<string>): { runtime: string[]; headers: string[] } {
  const used = Object.entries(libraries).flatMap(([name, pair]) => (names.has(name) ? [pair] : []));
  return { runtime: sorted(used.map(([one]) => one)), headers: sorted(used.map(([, one]) => one)) };
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].toSorted();
}

/**
 * Installs what the plan says; answers the folder that becomes the venv. When nothing but that text can
 * change it, it is kept for the next build. A compiler comes along only when pip turns out to need one.
 */
export async function installPackages(
  context: BuildContext,
  plan: PythonPlan,
  runtime: SharedLayer,
): Promise<{ readonly folder: string; readonly isKept: boolean; readonly isFromCache: boolean }> {
  const { room, runtimes, base, say } = context;
  const { text, names, isComplete } = plan.dependencies;
  const key = createHash('sha256')
    .update(`2 ${runtime.layer.digest} ${isComplete} ${plan.server ?? ''} ${venv}\0${text}`)
    .digest('hex');
  const kept = room.disk.path('cache', 'packages', key.slice(0, 32));
  const isSelfContained = !/^\s*(-[erc]|--(?!hash)|\.|file:)|git\+/m.test(text);
  room.enter([runtime.root, base.root]);
  if (isSelfContained && (await readdir(kept).catch(() => [])).length > 0) {
    say('Packages are unchanged: kept from an earlier build');
    return { folder: kept, isKept: true, isFromCache: true };
  }
  const enterCompiler = async () => {
    const tool = await pythonCompiler(runtimes, librariesOf(names).headers);
    room.enter([tool.root, runtime.root, base.root]);
  };
  const needsGit = /\bgit\+/.test(text);
  if (needsGit) await enterCompiler();
  try {
    await install(context, plan, kept);
  } catch (error) {
    if (needsGit || !(error instanceof AppError) || !/must be compiled/.test(error.message)) throw error;
    say('A package must be compiled: once more with a compiler');
    await enterCompiler();
    await install(context, plan, kept);
  }
  return { folder: kept, isKept: isSelfContained, isFromCache: false };
}

/** Compiled files carry a hash of their source instead of a time, so that equal packages are equal bytes. */
async function install({ room, source }: BuildContext, plan: PythonPlan, kept: string): Promise<void> {
  const { dependencies, server } = plan;
  await rm(room.disk.path('cache', 'packages'), { recursive: true, force: true });
  const partial = `${kept}.partial`;
  await mkdir(partial, { recursive: true });
  room.own(partial);
  const cache = await room.cache('tools');
  const config = await room.disk.freshFolder('workspace/pip');
  const isFile = dependencies.file === 'requirements.txt';
  if (!isFile) await writeFile(join(config, 'requirements.txt'), dependencies.text);
  const mounts = [
    { source: source.folder, destination: '/app' },
    { source: partial, destination: venv },
    { source: cache, destination: '/cache' },
    { source: config, destination: '/config', readonly: true },
  ];
  const env = { PIP_CACHE_DIR: '/cache/pip', PIP_NO_INPUT: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1' };
  const python = `${venv}/bin/python`;
  const pip = (label: string, args: readonly string[]) =>
    room.exec({
      label: `pip install ${label}`,
      args: [python, '-m', 'pip', 'install', '--no-compile', '--progress-bar=off', ...args],
      env,
      mounts,
    });
  await room.exec({ label: 'python3 -m venv', args: ['/usr/bin/python3', '-m', 'venv', venv], mounts });
  if (dependencies.text.trim()) {
    const place = isFile ? 'requirements.txt' : '/config/requirements.txt';
    const complete = dependencies.isComplete ? ['--no-deps'] : [];
    await pip(isFile ? '-r requirements.txt' : `what ${dependencies.file} says`, [...complete, '-r', place]);
  }
  if (server) await pip(server, [server]);
  const args = [python, ...compile.args, `${venv}/lib`];
  await room.exec({ label: 'python -m compileall', args, env: compile.env, mounts }).catch(() => undefined);
  room.signal.throwIfAborted();
  await rename(partial, kept);
}
