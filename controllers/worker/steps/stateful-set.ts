import { AppError } from '@skyarc/lib/errors';
import { ensureObject, type KindTable, type KubeClient } from '@skyarc/lib/kube';
import { pollUntil } from '@skyarc/lib/retry';
import { growPodClaims } from './claims.ts';

type StatefulSet = KindTable['statefulsets'];

const goneWithinMs = 15_000;

/**
 * Makes the cluster have the StatefulSet and answers how much it wrote. What a StatefulSet claims for its pods
 * cannot be changed in place: then it is replaced while its pods go on, which the new one takes over.
 */
export async function ensureStatefulSet(kube: KubeClient, wanted: StatefulSet): Promise<number> {
  const { name = '', namespace } = wanted.metadata ?? {};
  const live = await kube.find('statefulsets', name, namespace);
  const mustReplace = live !== null && claimsOf(live) !== claimsOf(wanted);
  if (mustReplace || live?.metadata?.deletionTimestamp) {
    const { uid } = live.metadata ?? {};
    if (mustReplace) {
      await kube.delete('statefulsets', name, namespace, {
        propagationPolicy: 'Orphan',
        preconditions: { uid },
      });
    }
    await untilGone(kube, live);
  }
  const { outcome } = await ensureObject(kube, 'statefulsets', wanted);
  return (outcome === 'unchanged' ? 0 : 1) + (await growPodClaims(kube, wanted));
}

async function untilGone(kube: KubeClient, { metadata }: StatefulSet): Promise<void> {
  const { name = '', namespace, uid } = metadata ?? {};
  await pollUntil(
    async () => {
      const left = await kube.find('statefulsets', name, namespace);
      return left?.metadata?.uid === uid ? undefined : true;
    },
    {
      timeoutMs: goneWithinMs,
      onTimeout: () => new AppError('UNAVAILABLE', `StatefulSet "${name}" is still being replaced`),
    },
  );
}

/** What is claimed for each pod, as a text to compare; other workloads claim nothing. */
export function claimsOf({
  spec,
}: Pick<StatefulSet, 'spec'> | Pick<KindTable['deployments'], 'spec'>): string {
  const templates = spec && 'volumeClaimTemplates' in spec ? spec.volumeClaimTemplates : undefined;
  const claims = (templates ?? []).map(({ metadata, spec: claim }) => [
    metadata?.name,
    claim?.accessModes,
    claim?.storageClassName,
    claim?.resources?.requests?.['storage'],
  ]);
  return JSON.stringify(claims.toSorted((a, b) => String(a[0]).localeCompare(String(b[0]))));
}
