import type { SourceTree } from '../../sources/tree.ts';

export interface PackageManager {
  readonly name: 'npm' | 'yarn' | 'pnpm';
  readonly lockFile: string | null;
  /** The npm package that brings it, when it is not part of Node.js. */
  readonly tool: { readonly name: 'yarn' | 'pnpm'; readonly range: string } | null;
  /** Installs as locked. */
  readonly install: (options: { production: boolean }) => readonly string[];
  /** Takes away what only the build needed. */
  readonly prune: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The one whose lock file is there; `packageManager` of package.json pins its version. */
export async function findManager(source: SourceTree, pinned = ''): Promise<PackageManager> {
  const version = (manager: string) => new RegExp(`^${manager}@(\\d+(?:\\.\\d+){0,2})`).exec(pinned)?.[1];
  if ((await source.has('pnpm-lock.yaml')) || pinned.startsWith('pnpm@'))
    return pnpm(version('pnpm') ?? '10');
  if ((await source.has('yarn.lock')) || pinned.startsWith('yarn@')) return yarn(version('yarn'));
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
    // Hard links from the store would not survive as one layer: copies do.
    env: {
      npm_config_store_dir: '/cache/pnpm',
      npm_config_package_import_method: 'copy',
      npm_config_node_linker: 'hoisted',
      npm_config_manage_package_manager_versions: 'false',
    },
  };
}

/** Yarn 1; later ones bring themselves along in the repository and are run by it. */
function yarn(pinned = '1'): PackageManager {
  const common = ['yarn', 'install', '--frozen-lockfile', '--non-interactive'];
  return {
    name: 'yarn',
    lockFile: 'yarn.lock',
    tool: { name: 'yarn', range: pinned.startsWith('1') ? pinned : '1' },
    install: ({ production }) => [...common, production ? '--production=true' : '--production=false'],
    prune: [...common, '--production=true', '--ignore-scripts', '--prefer-offline'],
    env: { YARN_CACHE_FOLDER: '/cache/yarn' },
  };
}
