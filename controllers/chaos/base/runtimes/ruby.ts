import { createHash } from 'node:crypto';
import type { Runtimes } from '../runtimes.ts';
import type { SharedLayer, Tool } from '../store.ts';

/** The release line of Debian's Ruby. */
export const rubyVersion = '3.1';
/** Debian's Bundler. */
export const bundlerVersion = '2.3.15';

/** Ruby with Bundler, and Debian packages that the app's gems need when they run. */
export function ruby(runtimes: Runtimes, libraries: readonly string[]): Promise<SharedLayer> {
  const packages = ['ruby', 'ruby-bundler', ...libraries];
  return runtimes.debianRuntime(`ruby-${rubyVersion}-${idOf(packages)}`, packages);
}

/** A compiler and headers for gems with native extensions, for builds only. */
export function rubyCompiler(runtimes: Runtimes, headers: readonly string[]): Promise<Tool> {
  const packages = [
    'build-essential',
    'git',
    'libssl-dev',
    'libyaml-dev',
    'pkg-config',
    'ruby-dev',
    ...headers,
  ];
  return runtimes.debianTool(`ruby-compiler-${idOf(packages)}`, packages);
}

function idOf(packages: readonly string[]): string {
  return createHash('sha256').update(packages.toSorted().join(' ')).digest('hex').slice(0, 12);
}
