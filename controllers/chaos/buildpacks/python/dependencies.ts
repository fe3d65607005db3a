import { AppError } from '@skyarc/lib/errors';
import { parse } from 'smol-toml';
import type { SourceTree } from '../../sources/tree.ts';
import { type Locked, normalName } from './lock-graph.ts';
import {
  parseToml,
  type Pyproject,
  pyproject,
  readPipfileLock,
  readPoetryLock,
  readUvLock,
  rootsOf,
} from './locks.ts';
import { needOf, specifierOf } from './requirement.ts';

/** What pip is told to install. */
export interface Dependencies {
  /** The file that says it; null when none does. */
  readonly file: string | null;
  /** Text of a requirements file; `.` installs the source itself. */
  readonly text: string;
  /** True: the text is everything, so pip need not look for what it needs in turn. */
  readonly isComplete: boolean;
  /** Normal names of what is asked for. */
  readonly names: ReadonlySet<string>;
  readonly warnings: readonly string[];
}

/** Files in the order that they count. */
const files = [
  'requirements.txt',
  'uv.lock',
  'poetry.lock',
  'Pipfile.lock',
  'pyproject.toml',
  'Pipfile',
  'setup.py',
];
const withoutLock = new Set(['pyproject.toml', 'Pipfile', 'setup.py']);

export async function readPyproject(source: SourceTree): Promise<Pyproject | null> {
  const text = await source.readText('pyproject.toml');
  return text === null ? null : parseToml('pyproject.toml', text, pyproject);
}

/** What the source says that it needs. Throws INVALID for a file that cannot be read. */
export async function readDependencies(source: SourceTree, project: Pyproject | null): Promise<Dependencies> {
  const present: string[] = [];
  for (const file of files) if (await source.has(file)) present.push(file);
  const roots = project ? rootsOf(project) : [];
  // A pyproject.toml may hold the settings of tools alone.
  const file = present.find((one) => one !== 'pyproject.toml' || roots.length > 0);
  if (file === undefined) return { file: null, text: '', isComplete: false, names: new Set(), warnings: [] };
  const text = (await source.readText(file)) ?? '';
  const warnings: string[] = [];
  const locks = present.filter((one) => one.endsWith('.lock') && one !== file);
  if (file === 'requirements.txt' && locks.length > 0)
    warnings.push(
      `requirements.txt counts, ${locks.join(' and ')} does not; remove the one that is not meant`,
    );
  if (withoutLock.has(file))
    warnings.push(`${file} has no lock file: each build may bring other versions of packages`);
  const locked = (one: Locked): Dependencies => ({
    file,
    text: `${one.lines.join('\n')}\n`,
    isComplete: true,
    names: one.names,
    warnings,
  });
  if (file === 'uv.lock') return locked(readUvLock(text));
  if (file === 'poetry.lock') return locked(readPoetryLock(text, roots));
  if (file === 'Pipfile.lock') return locked(readPipfileLock(text));
  const lines = file === 'requirements.txt' ? text.split('\n') : linesOf(file, text, project);
  return {
    file,
    text: file === 'requirements.txt' ? text : `${lines.join('\n')}\n`,
    isComplete: false,
    names: new Set(lines.flatMap((line) => needOf(line)?.name ?? []).map(normalName)),
    warnings,
  };
}

function linesOf(file: string, text: string, project: Pyproject | null): string[] {
  if (file === 'setup.py') return ['.'];
  if (file === 'Pipfile') return tableLines(pipfilePackages(text));
  const { python: _, ...poetry } = project?.tool?.poetry?.dependencies ?? {};
  return [...(project?.project?.dependencies ?? []), ...tableLines(poetry)];
}

function pipfilePackages(text: string): Readonly<Record<string, unknown>> {
  try {
    return (parse(text)['packages'] ?? {}) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new AppError('INVALID', `Pipfile cannot be read: ${String(cause).split('\n')[0]}`, { cause });
  }
}

/** Tables of Pipfile and Poetry as requirements. */
function tableLines(table: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(table).flatMap(([name, value]) => {
    const one = (Array.isArray(value) ? value[0] : value) as unknown;
    if (typeof one === 'string') return [name + specifierOf(one)];
    const {
      version = '',
      extras,
      markers,
      git,
      ref,
      rev,
      optional,
    } = one as Readonly<Record<string, string>> & {
      readonly extras?: readonly string[];
    };
    if (optional) return [];
    if (git) return [`${name} @ git+${git}${(ref ?? rev) ? `@${ref ?? rev}` : ''}`];
    const asked = name + (extras ? `[${extras.join(',')}]` : '') + specifierOf(version);
    return [markers ? `${asked} ; ${markers}` : asked];
  });
}
