import { labels } from '@skyarc/lib/contracts';
import { ensureObject, type KindTable, type KubeClient, type Resource } from '@skyarc/lib/kube';
import { deployedName, type AppRef } from '../deployed.ts';
import { endOf } from '../jobs/end.ts';
import { isWorkload, type Rendered } from '../render/app.ts';
import { bindReplicas } from '../scaling/replicas.ts';
import { ensureClaim } from './claims.ts';
import { ensureStatefulSet } from './stateful-set.ts';

/** Kinds that belong to one app, in the order in which they are removed: traffic first. */
const ownedKinds = [
  'ingresses',
  'services',
  'horizontalpodautoscalers',
  'poddisruptionbudgets',
  'deployments',
  'statefulsets',
  'cronjobs',
  'secrets',
  'configmaps',
] as const;

export interface ApplyOptions {
  /** False: a claim that is gone stays so, as a new one would be empty. */
  readonly mayCreateClaims?: boolean;
}

/** Makes the cluster have the objects; answers how many it had to write. */
export async function applyObjects(
  kube: KubeClient,
  objects: readonly Rendered[],
  { mayCreateClaims = true }: ApplyOptions = {},
): Promise<number> {
  let writes = 0;
  for (const rendered of objects) {
    const { resource, object } = isWorkload(rendered)
      ? await bindReplicas(kube, rendered, objects)
      : rendered;
    if (resource === 'persistentvolumeclaims') {
      writes += Number(await ensureClaim(kube, object, { mayCreate: mayCreateClaims }));
    } else if (resource === 'statefulsets') {
      writes += await ensureStatefulSet(kube, object);
    } else {
      const { outcome } = await ensureObject(kube, resource as 'services', object as never);
      writes += Number(outcome !== 'unchanged');
    }
  }
  return writes;
}

/** Removes objects of the app that are not among the wanted ones; runs of jobs and data are not among them. */
export async function pruneObjects(
  kube: KubeClient,
  app: AppRef,
  wanted: readonly Rendered[],
): Promise<void> {
  const kept = new Set(wanted.map(({ resource, object }) => `${resource}/${object.metadata?.name}`));
  kept.add(`secrets/${deployedName(app)}`);
  for (const secret of await secretsOfRuns(kube, app)) kept.add(`secrets/${secret}`);
  await removeOwned(kube, app, ownedKinds, (key) => !kept.has(key));
}

/** Removes everything of the app but its namespace and its data. */
export async function removeObjects(
  kube: KubeClient,
  app: AppRef,
  { keepsAccount = false } = {},
): Promise<void> {
  await removeOwned(kube, app, [...ownedKinds, 'jobs', 'endpointslices'], () => true);
  // Found by its name, which another app may have by now.
  if (!keepsAccount) await kube.delete('serviceaccounts', app.name, app.namespace);
}

/** Runs that go on keep what their next pods are made of. */
async function secretsOfRuns(kube: KubeClient, app: AppRef): Promise<string[]> {
  const jobs = (await listJobs(kube, app)).filter((job) => !endOf(job));
  return jobs.flatMap(({ spec }) => {
    const { containers = [], initContainers = [], volumes = [] } = spec?.template.spec ?? {};
    const read = [...containers, ...initContainers].flatMap(({ envFrom = [] }) => envFrom);
    return [
      ...read.map(({ secretRef }) => secretRef?.name),
      ...volumes.map(({ secret }) => secret?.secretName),
    ].filter((name) => name !== undefined);
  });
}

export async function listJobs(
  kube: KubeClient,
  app: Pick<AppRef, 'id' | 'namespace'>,
): Promise<KindTable['jobs'][]> {
  const labelSelector = `${labels.appId}=${app.id}`;
  return (await kube.list('jobs', { namespace: app.namespace, labelSelector })).items;
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
