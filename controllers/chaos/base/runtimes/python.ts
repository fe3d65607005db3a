import { createHash } from 'node:crypto';
import type { Runtimes } from '../runtimes.ts';
import type { SharedLayer, Tool } from '../store.ts';

/** The release line of Debian's Python. */
export const pythonVersion = '3.11';

/** Debian's Python 3 with pip and venv, and Debian packages that the app's packages need when they run. */
export function python(runtimes: Runtimes, libraries: readonly string[] = []): Promise<SharedLayer> {
  const packages = ['python3', 'python3-pip', 'python3-venv', ...libraries];
  return runtimes.debianRuntime(libraries.length > 0 ? `python3-${idOf(packages)}` : 'python3', packages);
}

/** A compiler, headers and git, for builds only. */
export function pythonCompiler(runtimes: Runtimes, headers: readonly string[]): Promise<Tool> {
  const packages = [
    'build-essential',
    'git',
    'libffi-dev',
    'libssl-dev',
    'pkg-config',
    'python3-dev',
    ...headers,
  ];
  return runtimes.debianTool(`python3-compiler-${idOf(packages)}`, packages);
}

function idOf(packages: readonly string[]): string {
  return createHash('sha256').update(packages.toSorted().join(' ')).digest('hex').slice(0, 12);
}
