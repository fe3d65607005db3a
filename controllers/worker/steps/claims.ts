import { labels } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { KindTable, KubeClient } from '@skyarc/lib/kube';
import type { WorkerContext } from '../context.ts';
import type { AppRef } from '../deployed.ts';
import { volumeLabel } from '../render/labels.ts';
import { bytesOf } from '../render/quantities.ts';
import { failure } from './failure.ts';

type Claim = KindTable['persistentvolumeclaims'];

/**
 * Makes the cluster have the claim, at least as big as wanted. One that is gone is made anew only when asked:
 * it would be empty. Throws INVALID for what its class cannot do, UNAVAILABLE while an old one is being deleted.
 */
export async function ensureClaim(
  kube: KubeClient,
  wanted: Claim,
  { mayCreate }: { mayCreate: boolean },
): Promise<boolean> {
  const { name = '', namespace } = wanted.metadata ?? {};
  const live = await kube.find('persistentvolumeclaims', name, namespace);
  if (!live) {
    if (mayCreate) await kube.create('persistentvolumeclaims', wanted);
    return mayCreate;
  }
  if (live.metadata?.deletionTimestamp) {
    if (!mayCreate) return false;
    throw new AppError('UNAVAILABLE', `Volume claim "${name}" is being deleted`);
  }
  const { storageClassName } = wanted.spec ?? {};
  if (storageClassName !== undefined && live.spec?.storageClassName !== storageClassName) {
    throw failure(
      `The volume of claim "${name}" is of class "${live.spec?.storageClassName}", which cannot be changed to "${storageClassName}"; make a new volume`,
    );
  }
  return growClaim(kube, live, requestOf(wanted));
}

/** Grows the claims that a StatefulSet made for its pods; new pods get theirs from its template. */
export async function growPodClaims(kube: KubeClient, set: KindTable['statefulsets']): Promise<number> {
  let writes = 0;
  for (const { metadata, spec } of set.spec?.volumeClaimTemplates ?? []) {
    const labelSelector = `${volumeLabel}=${metadata?.labels?.[volumeLabel]}`;
    const { items } = await kube.list('persistentvolumeclaims', {
      namespace: set.metadata?.namespace,
      labelSelector,
    });
    for (const claim of items) {
      if (await growClaim(kube, claim, spec?.resources?.requests?.['storage'])) writes += 1;
    }
  }
  return writes;
}

/** Deletes the claims of volumes that neither the app's record has nor its pods mount any more. */
export async function pruneClaims(
  { db, kube }: WorkerContext,
  app: AppRef,
  mounted: readonly { readonly id: string }[],
): Promise<void> {
  const [claims, rows] = await Promise.all([
    listClaims(kube, app),
    db.volume.findMany({ where: { appId: app.id }, select: { id: true } }),
  ]);
  const kept = new Set([...rows, ...mounted].map(({ id }) => id));
  for (const { metadata } of claims) {
    const volume = metadata?.labels?.[volumeLabel];
    if (volume && !kept.has(volume)) await deleteClaim(kube, metadata);
  }
}

/** Deletes all claims of the app, and so their data. */
export async function removeClaims(kube: KubeClient, app: AppRef): Promise<void> {
  for (const { metadata } of await listClaims(kube, app)) await deleteClaim(kube, metadata);
}

async function listClaims(kube: KubeClient, app: AppRef): Promise<Claim[]> {
  const labelSelector = `${labels.appId}=${app.id}`;
  return (await kube.list('persistentvolumeclaims', { namespace: app.namespace, labelSelector })).items;
}

/** Only this very claim: its name may have come back. */
async function deleteClaim(kube: KubeClient, metadata: Claim['metadata']): Promise<void> {
  if (metadata?.deletionTimestamp) return;
  const { name = '', namespace, uid } = metadata ?? {};
  await kube.delete('persistentvolumeclaims', name, namespace, { preconditions: { uid } });
}

async function growClaim(kube: KubeClient, live: Claim, storage: string | undefined): Promise<boolean> {
  if (bytesOf(storage) <= bytesOf(requestOf(live))) return false;
  const { name = '', namespace } = live.metadata ?? {};
  try {
    await kube.patch(
      'persistentvolumeclaims',
      { name, namespace },
      { spec: { resources: { requests: { storage } } } },
    );
    return true;
  } catch (error) {
    if (!(error instanceof AppError) || !['INVALID', 'FORBIDDEN'].includes(error.code)) throw error;
    throw failure(`The volume of claim "${name}" cannot grow to ${storage}: ${error.message}`);
  }
}

function requestOf({ spec }: Claim): string | undefined {
  return spec?.resources?.requests?.['storage'];
}
