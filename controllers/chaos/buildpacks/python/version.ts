import { AppError } from '@skyarc/lib/errors';
import { pythonVersion } from '../../base/runtimes/python.ts';
import type { SourceTree } from '../../sources/tree.ts';
import { satisfies } from '../versions.ts';
import type { Pyproject } from './locks.ts';

/** Throws INVALID when the source asks for a Python that is not there; the first file that says one counts. */
export async function checkVersion(source: SourceTree, project: Pyproject | null): Promise<void> {
  const poetry = project?.tool?.poetry?.dependencies['python'];
  const runtime = await source.readText('runtime.txt');
  const pinned = await source.readText('.python-version');
  const pipfile = /^\s*python_(?:full_)?version\s*=\s*["']([^"']+)["']/m.exec(
    (await source.readText('Pipfile')) ?? '',
  );
  const said: readonly (readonly [string, string | undefined])[] = [
    ['runtime.txt', runtime?.trim().replace(/^python-/, '')],
    [
      '.python-version',
      pinned
        ?.split('\n')
        .find((line) => /^\s*\d/.test(line))
        ?.trim(),
    ],
    ['pyproject.toml', project?.project?.['requires-python']],
    ['pyproject.toml', typeof poetry === 'string' ? poetry : undefined],
    ['Pipfile', pipfile?.[1]],
  ];
  for (const [file, range] of said) {
    if (!range) continue;
    const fits = satisfies(pythonVersion, range);
    if (fits === true) return;
    throw new AppError(
      'INVALID',
      fits === null
        ? `${file}: "${range.slice(0, 60)}" is not a version of Python; write one such as "${pythonVersion}"`
        : `${file} asks for Python ${range.slice(0, 60)}, and there is ${pythonVersion}; ask for that, or use a Dockerfile`,
    );
  }
}
