import { AppError } from '@skyarc/lib/errors';
import type { SourceTree } from '../sources/tree.ts';
import type { Module } from './buildpack.ts';
import type { Found } from './found.ts';
import { listModules, selectPart } from './part.ts';
import { chooseBuildpack, members } from './registry.ts';
import { type BuildSettings, readProject } from './settings.ts';

/** A buildpack that would take the source, and what it would make of it. */
export interface Candidate {
  readonly buildpack: string;
  /** What it was recognised by, e.g. `requirements.txt`. */
  readonly reason: string;
  /** Null when it cannot be built as it is; `problem` says why then. */
  readonly found: Found | null;
  readonly problem: string | null;
}

/** All that can be said of a source before an app is made of it. */
export interface Examination {
  /** The buildpack that a build would use now; null when there is none, and `problem` says why. */
  readonly buildpack: string | null;
  /** What it was recognised by, and what it found; null and empty when it cannot be built as it is. */
  readonly reason: string;
  readonly found: Found | null;
  readonly problem: string | null;
  /** All that would take it, in the order that they are asked. */
  readonly candidates: readonly Candidate[];
  /** Values for the `module` setting. */
  readonly modules: readonly Module[];
  readonly warnings: readonly string[];
}

/** Looks at a source without running anything of it. What is wrong in it is told as `problem`, not thrown. */
export async function examine(source: SourceTree, settings: BuildSettings = {}): Promise<Examination> {
  const nothing = { buildpack: null, reason: '', found: null, candidates: [], modules: [], warnings: [] };
  const whole = await attempt(() => readProject(source, settings));
  if (whole.value === null) return { ...nothing, problem: whole.problem };
  const project = whole.value;
  const listed = await attempt(() => listModules(source, project, members));
  const modules = (listed.value ?? []).map(({ name, path, kind }) => ({ name, path, kind }));
  const part = await attempt(() => selectPart(source, project, members));
  if (part.value === null) return { ...nothing, modules, problem: part.problem };
  const candidates: Candidate[] = [];
  for (const member of members) {
    const reason = await member.detect(part.value.source, part.value.project);
    if (reason === null) continue;
    const { value, problem } = await attempt(() => member.choose(part.value, reason));
    candidates.push({ buildpack: member.name, reason, found: value?.launch ?? null, problem });
  }
  const { value: chosen, problem } = await attempt(() => chooseBuildpack(source, settings));
  const taken = chosen?.name ?? project.buildpack ?? candidates[0]?.buildpack ?? null;
  return {
    buildpack: taken,
    reason: chosen?.reason ?? candidates.find(({ buildpack }) => buildpack === taken)?.reason ?? '',
    found: chosen?.launch ?? null,
    problem,
    candidates,
    modules,
    warnings: chosen?.launch.warnings ?? project.warnings,
  };
}

type Attempt<T> =
  { readonly value: T; readonly problem: null } | { readonly value: null; readonly problem: string };

/** What is wrong with a source is an answer here; all else is thrown on. */
async function attempt<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await work(), problem: null };
  } catch (error) {
    if (error instanceof AppError && error.code === 'INVALID') return { value: null, problem: error.message };
    throw error;
  }
}
