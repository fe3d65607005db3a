import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';
import type { Runtimes } from './runtimes.ts';

/** Programs that the npm registry carries. */
export class NpmPackages {
  private readonly runtimes: Pick<Runtimes, 'env' | 'folder'>;

  constructor(runtimes: Pick<Runtimes, 'env' | 'folder'>) {
    this.runtimes = runtimes;
  }

  /** Puts packages below `folder`/node_modules. Throws UNAVAILABLE with what npm said. */
  async install(folder: string, packages: readonly string[]): Promise<void> {
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    const options = [
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--no-save',
      '--no-package-lock',
      '--force',
    ];
    const { code, stderr } = await this.npm(['install', ...options, '--', ...packages], folder);
    if (code !== 0) {
      throw new AppError(
        'UNAVAILABLE',
        `Cannot install ${packages.join(' and ')} from npm: ${lastErrorOf(stderr)}`,
      );
    }
  }

  /** The newest version of a package in a range; remembered for a day, and longer while npm cannot say. */
  async resolve(pkg: string, range: string): Promise<string> {
    const file = join(this.runtimes.folder, `${pkg.replace('/', '+')}.versions.json`);
    const known = JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as Record<
      string,
      { version: string; at: number } | undefined
    >;
    const kept = known[range];
    if (kept && Date.now() - kept.at < 86_400_000) return kept.version;
    const answer = await this.npm(['view', '--json', '--', `${pkg}@${range}`, 'version']);
    const versions =
      answer.code === 0 && answer.stdout.trim() ? (JSON.parse(answer.stdout) as string | string[]) : [];
    const version = [versions]
      .flat()
      .filter((one) => /^\d+\.\d+\.\d+$/.test(one))
      .sort(byVersion)
      .at(-1);
    if (!version) {
      if (kept) return kept.version;
      if (answer.code === 0 || /E404|No match/.test(answer.stderr)) {
        const program = pkg.startsWith('node-') ? 'Node.js' : pkg;
        throw new AppError(
          'INVALID',
          `No version of ${program} is within "${range}"; ask for another one, e.g. "24"`,
        );
      }
      throw new AppError(
        'UNAVAILABLE',
        `Cannot ask npm for versions of ${pkg}: ${lastErrorOf(answer.stderr)}`,
      );
    }
    await mkdir(this.runtimes.folder, { recursive: true });
    await writeFile(file, JSON.stringify({ ...known, [range]: { version, at: Date.now() } }));
    return version;
  }

  private npm(args: readonly string[], cwd?: string) {
    const env = { PATH: process.env['PATH'] ?? '', ...this.runtimes.env };
    return run('npm', args, { cwd, env, timeoutMs: 300_000 });
  }
}

function byVersion(left: string, right: string): number {
  const [a, b] = [left, right].map((text) => text.split('.').map(Number)) as [number[], number[]];
  const index = a.findIndex((part, place) => part !== b[place]);
  return index === -1 ? 0 : (a[index] as number) - (b[index] as number);
}

function lastErrorOf(stderr: string): string {
  return (
    stderr.split('\n').findLast((line) => /npm (ERR!|error)/.test(line) && !/complete log/.test(line)) ??
    'no answer'
  );
}
