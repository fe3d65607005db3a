import type { SourceTree } from '../../sources/tree.ts';

export interface PackageManager {
  readonly name: 'npm' | 'yarn' | 'pnpm';
  readonly lockFile: string | null;
  /** The npm package that brings it, when it is not part of Node.js. */
  readonly tool: { readonly name: 'yarn' | 'pnpm' | '@yarnpkg/cli-dist'; readonly range: string } | null;
  /** Installs as locked. */
  readonly install: (options: { production: boolean }) => readonly string[];
  /** Takes away what only the build needed. */
  readonly prune: readonly string[];
  /** Runs a script of a package of a workspace. */
  readonly runIn: (name: string, script: string) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The one whose lock file is there; `packageManager` of package.json pins its version. */
export async function findManager(source: SourceTree, pinned = ''): Promise<PackageManager> {
  const version = (manager: string) => new RegExp(`^${manager}@(\\d+(?:\\.\\d+){0,2})`).exec(pinned)?.[1];
  if ((await source.has('pnpm-lock.yaml')) || pinned.startsWith('pnpm@'))
    return pnpm(version('pnpm') ?? '10');
  const yarnLock = await source.readText('yarn.lock');
  if (yarnLock !== null || pinned.startsWith('yarn@')) {
    const isModern = /^__metadata:/m.test(yarnLock ?? '') || /^yarn@[2-9]/.test(pinned);
    return isModern ? modernYarn(version('yarn')) : yarn(version('yarn'));
  }
  const lockFile = await source.firstOf(['package-lock.json', 'npm-shrinkwrap.json']);
  return npm(lockFile ?? null);
}

function npm(lockFile: string | null): PackageManager {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=notice', '--foreground-scripts'];
  return {
    name: 'npm',
    lockFile,
    tool: null,
    install: ({ production }) => [
      'npm',
      lockFile ? 'ci' : 'install',
      ...quiet,
      ...(lockFile ? [] : ['--no-package-lock']),
      production ? '--omit=dev' : '--include=dev',
    ],
    prune: ['npm', 'prune', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'],
    runIn: (name, script) => ['npm', 'run', script, `--workspace=${name}`],
    env: { npm_config_cache: '/cache/npm', npm_config_update_notifier: 'false' },
  };
}

function pnpm(range: string): PackageManager {
  return {
    name: 'pnpm',
    lockFile: 'pnpm-lock.yaml',
    tool: { name: 'pnpm', range },
    install: ({ production }) => [
      'pnpm',
      'install',
      '--frozen-lockfile',
      production ? '--prod' : '--prod=false',
    ],
    prune: ['pnpm', 'prune', '--prod', '--ignore-scripts'],
    runIn: (name, script) => ['pnpm', `--filter=${name}`, 'run', script],
    // Hard links from the store would not survive as one layer: copies do.
    env: {
      npm_config_store_dir: '/cache/pnpm',
      npm_config_package_import_method: 'copy',
      npm_config_node_linker: 'hoisted',
      npm_config_manage_package_manager_versions: 'false',
    },
  };
}

/** Yarn 1. */
function yarn(pinned = '1'): PackageManager {
  const common = ['yarn', 'install', '--frozen-lockfile', '--non-interactive'];
  return {
    name: 'yarn',
    lockFile: 'yarn.lock',
    tool: { name: 'yarn', range: pinned.startsWith('1') ? pinned : '1' },
    install: ({ production }) => [...common, production ? '--production=true' : '--production=false'],
    prune: [...common, '--production=true', '--ignore-scripts', '--prefer-offline'],
    runIn: (name, script) => ['yarn', 'workspace', name, 'run', script],
    env: { YARN_CACHE_FOLDER: '/cache/yarn' },
  };
}

/** Yarn 2 and later, with a node_modules folder; one that the repository brings along runs in its place. */
function modernYarn(pinned = '4'): PackageManager {
  return {
    name: 'yarn',
    lockFile: 'yarn.lock',
    tool: { name: '@yarnpkg/cli-dist', range: pinned },
    install: () => ['yarn', 'install', '--immutable'],
    prune: ['yarn', 'workspaces', 'focus', '--all', '--production'],
    runIn: (name, script) => ['yarn', 'workspace', name, 'run', script],
    env: {
      YARN_NODE_LINKER: 'node-modules',
      YARN_NM_MODE: 'classic',
      YARN_GLOBAL_FOLDER: '/cache/yarn',
      YARN_ENABLE_GLOBAL_CACHE: 'true',
      YARN_ENABLE_TELEMETRY: 'false',
      YARN_ENABLE_PROGRESS_BARS: 'false',
    },
  };
}
