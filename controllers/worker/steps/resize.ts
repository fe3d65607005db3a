import { isDeepStrictEqual } from 'node:util';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { ensureObject, type KindTable, type KubeClient } from '@skyarc/lib/kube';
import { pollUntil } from '@skyarc/lib/retry';
import type { OperationJournal } from '@skyarc/prisma/datacenter';
import { type AppRef, findDeployed } from '../deployed.ts';
import { type Rendered, workloadAmong } from '../render/app.ts';
import { templateLabel } from '../render/labels.ts';
import { bindReplicas } from '../scaling/replicas.ts';
import { listPods } from './objects.ts';

type Deployment = KindTable['deployments'];
type Pod = KindTable['pods'];
type Template = NonNullable<Deployment['spec']>['template'];
type Container = NonNullable<Template['spec']>['containers'][number];

const resizedWithinMs = 15_000;
const observedWithinMs = 15_000;

export interface Resize {
  readonly app: AppRef;
  /** All objects of the app as they are to be. */
  readonly objects: readonly Rendered[];
  readonly journal: OperationJournal;
}

/**
 * Gives an app's running pods other cpu and memory without a restart, where that is all that changes and the
 * cluster can (pods/resize, Kubernetes 1.33); answers how many pods, 0 where the change must roll. The new template
 * then becomes that of the ReplicaSet that has the pods, so that applying it rolls nothing. Killed anywhere, it leaves
 * what a later roll brings to the same end.
 */
export async function resizeInPlace(kube: KubeClient, { app, objects, journal }: Resize): Promise<number> {
  const workload = workloadAmong(objects);
  if (workload?.resource !== 'deployments') return 0;
  const before = workloadAmong((await findDeployed(kube, app)) ?? []);
  if (before?.resource !== 'deployments' || !isResizeOnly(before.object, workload.object)) return 0;
  const wanted = (await bindReplicas(kube, workload, objects)).object;
  const live = await kube.find('deployments', app.name, app.namespace);
  if (!live || templateOf(live) !== templateOf(before.object) || !isSettled(live, wanted)) return 0;
  const pods = (await listPods(kube, app)).filter((pod) => templateOf(pod) === templateOf(live));
  const replicaSet = await replicaSetOf(kube, live, pods);
  if (!replicaSet || pods.length !== live.spec?.replicas || pods.length === 0) return 0;
  try {
    for (const pod of pods) await askFor(kube, pod, wanted);
    await Promise.all(pods.map((pod) => untilResized(kube, pod, wanted)));
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'UNAVAILABLE') throw error;
    // What cannot be had must not stay asked for: the roll may fail, and then these pods go on.
    for (const pod of pods) await askFor(kube, pod, before.object).catch(() => undefined);
    journal.say(`Cannot be resized in place, so pods are replaced: ${messageOf(error)}`, 'warn');
    return 0;
  }
  await adopt(kube, { wanted, pods, replicaSet });
  return pods.length;
}

function isResizeOnly(before: Deployment, wanted: Deployment): boolean {
  if (templateOf(before) === templateOf(wanted)) return false;
  const [left, right] = [before, wanted].map(({ spec }) => withoutResources(spec?.template));
  return isDeepStrictEqual(left, right);
}

/** As the template would be with no word of resources, nor of what is made from them. */
function withoutResources(template: Template | undefined): unknown {
  const plain = JSON.parse(JSON.stringify(template ?? {})) as Template;
  for (const container of containersOf(plain)) delete container.resources;
  delete plain.metadata?.labels?.[templateLabel];
  return plain;
}

function containersOf({ spec }: { readonly spec?: Template['spec'] }): Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

/** Nothing rolls, and nothing but the template is to change in its pods' number. */
function isSettled(live: Deployment, wanted: Deployment): boolean {
  const { replicas = 1, paused } = live.spec ?? {};
  const {
    observedGeneration = 0,
    updatedReplicas = 0,
    availableReplicas = 0,
    replicas: all = 0,
  } = live.status ?? {};
  if (paused || replicas !== wanted.spec?.replicas || observedGeneration < (live.metadata?.generation ?? 0)) {
    return false;
  }
  return [updatedReplicas, availableReplicas, all].every((count) => count === replicas);
}

async function replicaSetOf(
  kube: KubeClient,
  deployment: Deployment,
  pods: readonly Pod[],
): Promise<KindTable['replicasets'] | null> {
  const owners = new Set(
    pods.flatMap(({ metadata }) => metadata?.ownerReferences?.map(({ name }) => name) ?? []),
  );
  const [name, ...others] = owners;
  if (name === undefined || others.length > 0) return null;
  const found = await kube.find('replicasets', name, deployment.metadata?.namespace);
  const isIts = found?.metadata?.ownerReferences?.some(({ uid }) => uid === deployment.metadata?.uid);
  return isIts ? found : null;
}

/** Throws NOT_FOUND where the cluster has no such subresource, INVALID where it may not be. */
async function askFor(kube: KubeClient, pod: Pod, wanted: Deployment): Promise<void> {
  const { name = '', namespace } = pod.metadata ?? {};
  const resized = (containers: readonly Container[] | undefined): Container[] | undefined =>
    containers?.map((container) => ({ ...container, resources: resourcesIn(wanted, container.name) }));
  const spec = {
    containers: resized(pod.spec?.containers),
    ...(pod.spec?.initContainers ? { initContainers: resized(pod.spec.initContainers) } : {}),
  };
  await kube.patch('pods', { name, namespace, subresource: 'resize' }, { spec });
}

function resourcesIn({ spec }: Deployment, name: string): NonNullable<Container['resources']> {
  return containersOf(spec?.template ?? {}).find((each) => each.name === name)?.resources ?? {};
}

async function untilResized(kube: KubeClient, { metadata }: Pod, wanted: Deployment): Promise<void> {
  const { name = '', namespace } = metadata ?? {};
  let why = 'its node does not answer';
  await pollUntil(
    async () => {
      const pod = await kube.find('pods', name, namespace);
      const { conditions = [], containerStatuses = [] } = pod?.status ?? {};
      const hindrance = conditions.find(
        ({ type }) => type === 'PodResizePending' || type === 'PodResizeInProgress',
      );
      why = hindrance?.message ?? why;
      if (hindrance?.reason === 'Infeasible') throw new AppError('EXHAUSTED', why);
      const isThere = containerStatuses.every(({ name: container, resources }) =>
        isSameAmount(resources, resourcesIn(wanted, container)),
      );
      return isThere && !hindrance ? true : undefined;
    },
    { timeoutMs: resizedWithinMs, everyMs: 100, onTimeout: () => new AppError('TIMEOUT', why) },
  );
}

/** Limits alone: what a pod asks for weighs it, what it may take bounds it. */
function isSameAmount(has: Container['resources'], wants: Container['resources']): boolean {
  return isDeepStrictEqual(has?.limits ?? {}, wants?.limits ?? {});
}

/** Makes pods, ReplicaSet and Deployment be of the new template, in an order in which nothing is rolled. */
async function adopt(
  kube: KubeClient,
  parts: { wanted: Deployment; pods: readonly Pod[]; replicaSet: KindTable['replicasets'] },
): Promise<void> {
  const { wanted, pods, replicaSet } = parts;
  const label = { [templateLabel]: templateOf(wanted) };
  for (const { metadata } of pods) {
    const { name = '', namespace } = metadata ?? {};
    await kube.patch('pods', { name, namespace }, { metadata: { labels: label } });
  }
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

async function untilObserved(
  kube: KubeClient,
  resource: 'deployments' | 'replicasets',
  { metadata }: Pick<Deployment, 'metadata'>,
): Promise<void> {
  await pollUntil(
    async () => {
      const live = await kube.find(resource, metadata?.name ?? '', metadata?.namespace);
      return (live?.status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) ? true : undefined;
    },
    {
      timeoutMs: observedWithinMs,
      everyMs: 50,
      onTimeout: () => new AppError('UNAVAILABLE', 'The cluster does not look at its workloads'),
    },
  );
}

/** Of a workload or a pod. */
function templateOf(object: Pick<Deployment, 'metadata'>): string | undefined {
  return object.metadata?.labels?.[templateLabel];
}
