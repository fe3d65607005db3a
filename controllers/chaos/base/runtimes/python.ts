import { createHash } from 'node:crypto';
import type { Runtimes } from '../runtimes.ts';
import type { SharedLayer, Tool } from '../store.ts';

/** The release line of Debian's Python. */
export const pythonVersion = '3.11';

/**
 * Arguments and environment of Python to compile folders so that equal sources are equal bytes, which carry a hash of their
 * source instead of its time (PEP 552): in an image all files have one time, and each start would compile them anew.
 */
export const compile = {
  args: ['-m', 'compileall', '-q', '-f', '--invalidation-mode', 'unchecked-hash'],
  env: { PYTHONHASHSEED: '0' },
} as const;

/** Debian's Python 3 with pip and venv, and Debian packages that the app's packages need when they run. */
export function python(runtimes: Runtimes, libraries: readonly string[] = []): Promise<SharedLayer> {
  const packages = ['python3', 'python3-pip', 'python3-venv', ...libraries];
  const line = `python${pythonVersion}`;
  return runtimes.runtime(
    libraries.length > 0 ? `${line}-${idOf(packages)}` : line,
    async (root, scratch) => {
      await runtimes.installPackages(packages, root, scratch);
      const folders = [`/usr/lib/${line}`, '/usr/lib/python3', '/usr/share/python3'];
      const args = ['/usr/bin/python3', ...compile.args, ...folders];
      await runtimes.run({ args, env: compile.env, root, scratch });
    },
  );
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
