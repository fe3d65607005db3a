import { AppError } from '@skyarc/lib/errors';
import { ensureObject, type KindTable, type KubeClient } from '@skyarc/lib/kube';
import { pollUntil } from '@skyarc/lib/retry';
import type { Workload } from '../render/app.ts';
import { templateLabel, templateOf } from '../render/labels.ts';

type Deployment = KindTable['deployments'];
type StatefulSet = KindTable['statefulsets'];
type Pod = KindTable['pods'];

const observedWithinMs = 15_000;
const revisionLabel = 'controller-revision-hash';

/** Running pods that are already as the new template says, and whose workload is to be given it. */
export interface Adoption {
  readonly wanted: Workload;
  readonly live: Workload['object'];
  readonly pods: readonly Pod[];
}

/** How to make pods and workload be of the new template so that nothing is rolled; null where there is no way. */
export async function adoptionOf(
  kube: KubeClient,
  adoption: Adoption,
): Promise<(() => Promise<void>) | null> {
  const { wanted, live, pods } = adoption;
  if (wanted.resource === 'statefulsets') return () => adoptRevision(kube, wanted.object, pods);
  const replicaSet = await replicaSetOf(kube, live, pods);
  return replicaSet && (() => adoptReplicaSet(kube, wanted.object, { pods, replicaSet }));
}

/** The one ReplicaSet of the Deployment that has all of the pods. */
async function replicaSetOf(
  kube: KubeClient,
  { metadata }: Pick<Deployment, 'metadata'>,
  pods: readonly Pod[],
): Promise<KindTable['replicasets'] | null> {
  const owners = new Set(pods.flatMap((pod) => pod.metadata?.ownerReferences?.map(({ name }) => name) ?? []));
  const [name, ...others] = owners;
  if (name === undefined || others.length > 0) return null;
  const found = await kube.find('replicasets', name, metadata?.namespace);
  return found?.metadata?.ownerReferences?.some(({ uid }) => uid === metadata?.uid) ? found : null;
}

async function adoptReplicaSet(
  kube: KubeClient,
  wanted: Deployment,
  { pods, replicaSet }: { readonly pods: readonly Pod[]; readonly replicaSet: KindTable['replicasets'] },
): Promise<void> {
  await label(kube, pods, { [templateLabel]: templateOf(wanted) });
  const { object } = await ensureObject(kube, 'deployments', {
    ...wanted,
    spec: { ...wanted.spec, paused: true } as Deployment['spec'],
  });
  // Who has not seen the pause yet would take the changed ReplicaSet for one of another template.
  await untilObserved(kube, 'deployments', object);
  const { name = '', namespace } = replicaSet.metadata ?? {};
  const hash = replicaSet.spec?.template?.metadata?.labels?.['pod-template-hash'];
  const { template } = object.spec ?? {};
  const labels = { ...template?.metadata?.labels, 'pod-template-hash': hash };
  const changed = await kube.patch(
    'replicasets',
    { name, namespace },
    { spec: { template: { ...template, metadata: { ...template?.metadata, labels } } } },
  );
  await untilObserved(kube, 'replicasets', changed);
}

/** By the label that tells a StatefulSet which of its templates a pod is of. */
async function adoptRevision(kube: KubeClient, wanted: StatefulSet, pods: readonly Pod[]): Promise<void> {
  const { object } = await ensureObject(kube, 'statefulsets', {
    ...wanted,
    spec: { ...wanted.spec, updateStrategy: { type: 'OnDelete' } } as StatefulSet['spec'],
  });
  const { status } = await untilObserved(kube, 'statefulsets', object);
  await label(kube, pods, { [templateLabel]: templateOf(wanted), [revisionLabel]: status?.updateRevision });
  // Who has not seen the labels yet would roll as soon as it may.
  await untilObserved(kube, 'statefulsets', object, (set) => set.status?.updatedReplicas === pods.length);
}

async function label(
  kube: KubeClient,
  pods: readonly Pod[],
  labels: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  for (const { metadata } of pods) {
    const { name = '', namespace } = metadata ?? {};
    await kube.patch('pods', { name, namespace }, { metadata: { labels } });
  }
}

async function untilObserved<R extends 'deployments' | 'replicasets' | 'statefulsets'>(
  kube: KubeClient,
  resource: R,
  { metadata }: Pick<Deployment, 'metadata'>,
  isSo: (live: KindTable[R]) => boolean = () => true,
): Promise<KindTable[R]> {
  return pollUntil(
    async () => {
      const live = await kube.find(resource, metadata?.name ?? '', metadata?.namespace);
      const isSeen = (live?.status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
      return live && isSeen && isSo(live) ? live : undefined;
    },
    {
      timeoutMs: observedWithinMs,
      everyMs: 50,
      onTimeout: () => new AppError('UNAVAILABLE', 'The cluster does not look at its workloads'),
    },
  );
}
