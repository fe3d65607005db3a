import { AppError } from '@skyarc/lib/errors';
import type { SourceTree } from '../sources/tree.ts';
import type { Module } from './buildpack.ts';
import { readProcfile } from './procfile.ts';
import type { Project } from './settings.ts';

/** What of a source is built: all of it, a module known to a buildpack, or a folder on its own. */
export interface Part {
  readonly source: SourceTree;
  readonly project: Project;
}

interface Family {
  readonly name: string;
  detect(source: SourceTree, project: Project): Promise<string | null>;
  modules(source: SourceTree): Promise<readonly Module[]>;
}

/**
 * What the `module` setting names: a module of the buildpack that takes the whole source (by name or folder),
 * else a folder, which is then built as if there were nothing around it. Throws INVALID naming what there is.
 */
export async function selectPart(
  source: SourceTree,
  project: Project,
  members: readonly Family[],
): Promise<Part> {
  const wanted = project.module;
  if (wanted === null) return { source, project };
  const modules = await listModules(source, project, members);
  const module = modules.find(({ name, path }) => name === wanted || path === wanted);
  if (module?.isOfBuildpack) return { source, project: { ...project, module: module.name } };
  const folder = await source.sub(wanted);
  if (folder) {
    const own = await readProcfile(folder);
    const run = { ...project.run, processes: { ...own, ...project.run.processes } };
    return { source: folder, project: { ...project, module: null, run } };
  }
  const names = modules.map(({ name }) => name);
  throw new AppError(
    'INVALID',
    names.length > 0
      ? `There is no module "${wanted.slice(0, 100)}" in this source; there are ${names.slice(0, 30).join(', ')}`
      : `There is no folder "${wanted.slice(0, 100)}" in this source, nor has it modules`,
  );
}

interface ListedModule extends Module {
  /** False: a folder that some buildpack would take. */
  readonly isOfBuildpack: boolean;
}

const neverModules = new Set([
  'node_modules/',
  'vendor/',
  'target/',
  'build/',
  'dist/',
  'test/',
  'tests/',
  'docs/',
]);

/** Modules of the buildpack that takes the whole source; when none does, the folders that one would take. */
export async function listModules(
  source: SourceTree,
  project: Project,
  members: readonly Family[],
): Promise<readonly ListedModule[]> {
  const whole = { ...project, module: null };
  const taker =
    members.find(({ name }) => name === project.buildpack) ?? (await firstTaker(source, whole, members));
  if (taker) {
    const modules = await taker.modules(source);
    return modules.map((module) => ({ ...module, isOfBuildpack: true }));
  }
  const found: ListedModule[] = [];
  for (const entry of await source.names()) {
    if (!entry.endsWith('/') || entry.startsWith('.') || neverModules.has(entry)) continue;
    const path = entry.slice(0, -1);
    const folder = await source.sub(path);
    const kind = folder && (await firstTaker(folder, { ...whole, dockerfile: null }, members))?.name;
    if (kind) found.push({ name: path, path, kind, isOfBuildpack: false });
  }
  return found;
}

async function firstTaker(
  source: SourceTree,
  project: Project,
  members: readonly Family[],
): Promise<Family | undefined> {
  for (const member of members) if ((await member.detect(source, project)) !== null) return member;
  return undefined;
}
