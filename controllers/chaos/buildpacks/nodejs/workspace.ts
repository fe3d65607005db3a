import { glob } from 'node:fs/promises';
import { AppError } from '@skyarc/lib/errors';
import { parse } from 'yaml';
import { z } from 'zod';
import type { SourceTree } from '../../sources/tree.ts';
import { dependsOn, type PackageJson, readPackage } from './package-json.ts';

/** A package of a workspace. */
export interface WorkspacePackage {
  readonly name: string;
  /** Folder in the source. */
  readonly path: string;
  readonly pkg: PackageJson;
}

const most = 500;

/** Packages of an npm, yarn or pnpm workspace by path; empty when the source is none. */
export async function listPackages(
  source: SourceTree,
  root: PackageJson,
): Promise<readonly WorkspacePackage[]> {
  const patterns = await patternsOf(source, root);
  const wanted = patterns.filter((one) => !one.startsWith('!')).map(clean);
  const unwanted = patterns.filter((one) => one.startsWith('!')).map((one) => clean(one.slice(1)));
  const found = new Map<string, WorkspacePackage>();
  const exclude = [...unwanted, '**/node_modules/**'];
  for await (const path of glob(wanted, { cwd: source.folder, exclude })) {
    const folder = await source.sub(path);
    if (!folder || !(await folder.has('package.json'))) continue;
    const pkg = await readPackage(folder, `${path}/package.json`);
    found.set(path, { name: pkg.name ?? path, path, pkg });
    if (found.size > most) throw new AppError('INVALID', `The workspace has more than ${most} packages`);
  }
  return [...found.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** A package and those of the workspace that it needs, in the order that they are built. */
export function buildOrder(
  all: readonly WorkspacePackage[],
  wanted: WorkspacePackage,
): readonly WorkspacePackage[] {
  const order = new Set<WorkspacePackage>();
  const visiting = new Set<WorkspacePackage>();
  const visit = (one: WorkspacePackage): void => {
    if (visiting.has(one)) return;
    visiting.add(one);
    for (const other of all) if (other !== one && dependsOn(one.pkg, other.name)) visit(other);
    order.add(one);
  };
  visit(wanted);
  return [...order];
}

const pnpmWorkspace = z.looseObject({ packages: z.array(z.string()).default([]) });

async function patternsOf(source: SourceTree, { workspaces }: PackageJson): Promise<readonly string[]> {
  const text = await source.readText('pnpm-workspace.yaml');
  if (text !== null) {
    const parsed = pnpmWorkspace.safeParse(parse(text, { maxAliasCount: 10 }) ?? {});
    if (parsed.success) return parsed.data.packages;
    throw new AppError('INVALID', 'pnpm-workspace.yaml: "packages" is not a list of folders');
  }
  return Array.isArray(workspaces) ? workspaces : (workspaces?.packages ?? []);
}

/** Patterns stay within the source. */
function clean(pattern: string): string {
  const path = pattern.replace(/^\.\//, '').replace(/\/+$/, '');
  if (!path.startsWith('/') && !path.split('/').includes('..')) return path;
  throw new AppError(
    'INVALID',
    `The workspace has a pattern that leads out of the source: ${pattern.slice(0, 100)}`,
  );
}
