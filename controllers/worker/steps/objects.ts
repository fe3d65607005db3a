import { labels } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { ensureObject, type KubeClient, type Resource } from '@skyarc/lib/kube';
import { deployedName, type AppRef } from '../deployed.ts';
import type { Rendered } from '../render/app.ts';

/** Kinds that belong to one app, in the order in which they are removed: traffic first. */
const ownedKinds = ['ingresses', 'services', 'deployments', 'statefulsets', 'secrets'] as const;

/** Makes the cluster have the objects; answers how many it had to write. */
export async function applyObjects(kube: KubeClient, objects: readonly Rendered[]): Promise<number> {
  let writes = 0;
  for (const { resource, object } of objects) {
    const { outcome } = await ensureObject(kube, resource as 'services', object as never);
    if (outcome !== 'unchanged') writes += 1;
  }
  return writes;
}

/** Removes objects of the app that are not among the wanted ones. */
export async function pruneObjects(
  kube: KubeClient,
  app: AppRef,
  wanted: readonly Rendered[],
): Promise<void> {
  const kept = new Set(wanted.map(({ resource, object }) => `${resource}/${object.metadata?.name}`));
  kept.add(`secrets/${deployedName(app)}`);
  await removeOwned(kube, app, ownedKinds, (key) => !kept.has(key));
}

/** Removes everything of the app but its namespace. */
export async function removeObjects(kube: KubeClient, app: AppRef): Promise<void> {
  await removeOwned(kube, app, ownedKinds, () => true);
  await kube.delete('serviceaccounts', app.name, app.namespace);
}

export async function listPods(kube: KubeClient, app: Pick<AppRef, 'id' | 'namespace'>) {
  const { items } = await kube.list('pods', {
    namespace: app.namespace,
    labelSelector: `${labels.appId}=${app.id}`,
  });
  return items;
}

async function removeOwned(
  kube: KubeClient,
  app: AppRef,
  kinds: readonly Resource[],
  isUnwanted: (key: string) => boolean,
): Promise<void> {
  const labelSelector = `${labels.appId}=${app.id}`;
  for (const resource of kinds) {
    const { items } = await kube.list(resource, { namespace: app.namespace, labelSelector });
    for (const { metadata } of items) {
      const name = metadata?.name ?? '';
      if (isUnwanted(`${resource}/${name}`)) await kube.delete(resource, name, app.namespace);
    }
  }
}

/** An end of an operation that is the app's or the user's matter: a sentence, no retry. */
export function failure(sentence: string): AppError {
  return new AppError('INVALID', sentence);
}
