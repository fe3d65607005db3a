import { apiError } from '../errors.ts';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';
import { strategicMergePatch } from './strategic-merge.ts';

/** Applies a patch; `type` names the target's type in the schema. */
export type Patch = (target: unknown, patch: unknown, type: string | undefined) => unknown;

const patches: Readonly<Record<string, Patch>> = {
  'application/json-patch+json': jsonPatch,
  'application/merge-patch+json': mergePatch,
  'application/strategic-merge-patch+json': strategicMergePatch,
};

/** Media type of server-side apply, which is no patch of this kind. */
export const applyType = 'application/apply-patch+yaml';

/** How to apply a patch of a media type; 415 for one that is not offered. */
export function patchOf(mediaType: string): Patch {
  const found = Object.hasOwn(patches, mediaType) ? patches[mediaType] : undefined;
  if (found) return found;
  throw apiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format (${mediaType}) - accepted media types include: ${[...Object.keys(patches), applyType].join(', ')}`,
  );
}
