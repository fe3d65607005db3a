import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { bundlerVersion, rubyCompiler } from '../../base/runtimes/ruby.ts';
import type { SharedLayer, Tool } from '../../base/store.ts';
import type { BuildContext, FolderLayer } from '../buildpack.ts';
import type { GemFacts } from './gems.ts';

/** Where gems are, in builds and in the image. */
export const bundleFolder = '/opt/bundle';

/** Bundler's settings for builds and apps alike; those of the source's .bundle folder do not count. */
export const bundleEnv = (gems: GemFacts): Readonly<Record<string, string>> => ({
  BUNDLE_PATH: bundleFolder,
  BUNDLE_APP_CONFIG: '/opt/bundle-config',
  BUNDLE_WITHOUT: 'development:test',
  BUNDLER_VERSION: bundlerVersion,
  ...(gems.hasLock ? { BUNDLE_FROZEN: 'true' } : {}),
});

/** Runs a command of the build where the gems are. */
export type Run = (
  label: string,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
) => Promise<void>;

export interface Gems {
  readonly layer: FolderLayer;
  readonly run: Run;
}

/** Installs gems into a layer of their own, kept for the next build when only the lock file decides about them. */
export async function installGems(
  context: BuildContext,
  gems: GemFacts,
  runtime: SharedLayer,
): Promise<Gems> {
  const { room, runtimes, base, source, say } = context;
  const cache = await room.cache('tools');
  const key = gems.isSelfContained ? await keyOf(context, runtime) : 'open';
  const kept = room.disk.path('cache', 'packages', key);
  const isKept = gems.isSelfContained && (await readdir(kept).catch(() => [])).length > 0;
  const runIn = (folder: string): Run => {
    const mounts = [
      { source: source.folder, destination: '/app' },
      { source: folder, destination: bundleFolder },
      { source: cache, destination: '/cache' },
    ];
    const env = {
      ...bundleEnv(gems),
      BUNDLE_USER_HOME: '/cache/bundle',
      BUNDLE_JOBS: '2',
      BUNDLE_RETRY: '3',
    };
    return (label, args, more) => room.exec({ label, args, mounts, env: { ...env, ...more } });
  };
  const compiler = () => rubyCompiler(runtimes, gems.headers);
  const enter = (tools: readonly Tool[]) => room.enter([...tools, runtime, base].map(({ root }) => root));
  if (isKept) {
    say('Gems are unchanged: kept from an earlier build');
    enter([]);
  } else {
    enter(gems.needsCompiler ? [await compiler()] : []);
    await rm(room.disk.path('cache', 'packages'), { recursive: true, force: true });
    const partial = `${kept}.partial`;
    await mkdir(partial, { recursive: true });
    room.own(partial);
    const install = () => runIn(partial)('bundle install', ['bundle', 'install']);
    try {
      await install();
    } catch (error) {
      if (gems.needsCompiler || !isAboutCompiling(error)) throw error;
      say('A gem must be compiled: once more with a compiler');
      enter([await compiler()]);
      await install();
    }
    await removeTraces(context, partial);
    await rename(partial, kept);
  }
  const remember = gems.isSelfContained ? { remember: `${kept}.layer.json` } : { isDependencies: true };
  const layer = { folder: kept, prefix: bundleFolder.slice(1), isFromCache: isKept, ...remember };
  return { layer, run: runIn(kept) };
}

function isAboutCompiling(error: unknown): boolean {
  return error instanceof AppError && /must be compiled/.test(error.message);
}

/** What differs from installing to installing, and what no app needs: packed gems, logs and objects of compiling. */
async function removeTraces({ room }: BuildContext, folder: string): Promise<void> {
  const traces = /(?:^|\/)(?:gem_make\.out|mkmf\.log|Makefile|[^/]+\.o)$/;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const isPacked = /^ruby\/[^/]+\/cache\//.test(path.slice(folder.length + 1));
    const isTrace = traces.test(path) && /\/(?:ext|extensions)\//.test(path);
    if (!entry.isDirectory() && (isPacked || isTrace)) await rm(path, { force: true });
  }
  room.signal.throwIfAborted();
}

async function keyOf({ source }: BuildContext, runtime: SharedLayer): Promise<string> {
  const hash = createHash('sha256').update(`1 ${runtime.layer.digest}\0`);
  for (const file of ['Gemfile', 'Gemfile.lock']) hash.update(`${await source.readText(file)}\0`);
  return hash.digest('hex').slice(0, 32);
}
