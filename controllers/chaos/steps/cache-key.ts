import { createHash } from 'node:crypto';
import type { Revision } from '../sources/source.ts';
import type { BuildRun } from './run.ts';

/** Changes when the same source would become another image. */
const builderVersion = 3;

/** Of what would become the same image over the base of that digest. */
export function keyOf({ source, app }: BuildRun, revision: Revision, base: string): string {
  const { kind } = source;
  const folder = kind === 'TEMPLATE' ? source.template : kind === 'IMAGE' ? '' : (source.subdirectory ?? '');
  const facts = [builderVersion, kind, revision.id, folder, app.buildpack ?? '', app.buildOptions, base];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}
