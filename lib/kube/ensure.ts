import { AppError, isNotFound } from '@skyarc/lib/errors';
import { isAlreadyExists, type KubeClient } from './client.ts';
import { type KindTable, type KubeObject, type Resource } from './kinds.ts';
import { threeWayPatch, traceOf, type Trace } from './merge.ts';

/** Names the fields that we own in an object, as a Trace in JSON; never their values. */
export const appliedAnnotation = 'skyarc.dev/applied';

export type EnsureOutcome = 'created' | 'patched' | 'unchanged';

/**
 * Makes the object in the cluster have every wanted field: creates it, or patches only what differs.
 * Fields that an earlier call set and this one does not are removed; fields of others stay.
 */
export async function ensureObject<R extends Resource>(
  kube: KubeClient,
  resource: R,
  wanted: KindTable[R],
): Promise<{ object: KindTable[R]; outcome: EnsureOutcome }> {
  const { name, namespace } = wanted.metadata ?? {};
  if (!name) throw new AppError('INTERNAL', `Cannot ensure an object of ${resource} without a name`);
  const traced = withTrace(wanted) as KindTable[R];
  for (let attempt = 1; ; attempt += 1) {
    const live = await kube.find(resource, name, namespace);
    try {
      if (!live) return { object: await kube.create(resource, traced), outcome: 'created' };
      const patch = threeWayPatch(live, traced, traceIn(live));
      if (!patch) return { object: live, outcome: 'unchanged' };
      return { object: await kube.patch(resource, { name, namespace }, patch), outcome: 'patched' };
    } catch (error) {
      // Somebody made or removed it between our read and our write.
      const raced = isAlreadyExists(error) || (isNotFound(error) && live);
      if (!raced || attempt >= 5) throw error;
    }
  }
}

function withTrace(wanted: KubeObject): KubeObject {
  const trace = JSON.stringify(traceOf({ ...wanted, apiVersion: undefined, kind: undefined }));
  const metadata = {
    ...wanted.metadata,
    annotations: { ...wanted.metadata?.annotations, [appliedAnnotation]: trace },
  };
  return { ...wanted, metadata };
}

function traceIn(live: KubeObject): Trace {
  try {
    return JSON.parse(live.metadata?.annotations?.[appliedAnnotation] ?? '{}') as Trace;
  } catch {
    return {};
  }
}
