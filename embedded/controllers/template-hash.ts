import { createHash } from 'node:crypto';
import type { PodTemplate } from './kinds.ts';
import { canonical, sameJson } from './same.ts';

export const hashLabel = 'pod-template-hash';

/** Letters and digits that can neither form words nor be mistaken for each other, as in Kubernetes' names. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A short name of any JSON value, the same for the same meaning; `collisions` gives another one. */
export function shortHash(value: unknown, collisions = 0): string {
  const digest = createHash('sha256')
    .update(`${JSON.stringify(canonical(value))}#${collisions}`)
    .digest();
  return Array.from(digest.subarray(0, 10), (byte) => alphabet[byte % alphabet.length]).join('');
}

/** pod-template-hash of a template; the label itself does not count. */
export function templateHash(template: PodTemplate | undefined, collisions = 0): string {
  return shortHash(withoutHash(template), collisions);
}

/** True when two templates make the same pods, whatever hash they are labelled with. */
export function sameTemplate(left: PodTemplate | undefined, right: PodTemplate | undefined): boolean {
  return sameJson(withoutHash(left), withoutHash(right));
}

function withoutHash(template: PodTemplate | undefined): unknown {
  const { [hashLabel]: _, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels } };
}
