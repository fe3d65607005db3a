import { isDeepStrictEqual } from 'node:util';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { KindTable, KubeClient } from '@skyarc/lib/kube';
import { pollUntil } from '@skyarc/lib/retry';
import type { OperationJournal } from '@skyarc/prisma/datacenter';
import { type AppRef, findDeployed } from '../deployed.ts';
import { isWorkload, type Rendered, type Workload } from '../render/app.ts';
import { templateLabel, templateOf } from '../render/labels.ts';
import { bindReplicas } from '../scaling/replicas.ts';
import { adoptionOf } from './adopt.ts';
import { listPods } from './objects.ts';
import { claimsOf } from './stateful-set.ts';

type WorkloadObject = Workload['object'];
type Pod = KindTable['pods'];
type Template = NonNullable<WorkloadObject['spec']>['template'];
type Container = NonNullable<Template['spec']>['containers'][number];

const resizedWithinMs = 15_000;

export interface Resize {
  readonly app: AppRef;
  /** All objects of the app as they are to be. */
  readonly objects: readonly Rendered[];
  readonly journal: OperationJournal;
}

/**
 * Gives an app's running pods, and those of its candidate, other cpu and memory without a restart, where that is all
 * that changes and the cluster can (pods/resize, Kubernetes 1.33); answers how many pods, none where the change must
 * roll. The new template then becomes that of whoever has the pods, so that applying it rolls nothing. Killed
 * anywhere, it leaves what a later roll brings to the same end.
 */
export async function resizeInPlace(kube: KubeClient, resize: Resize): Promise<number> {
  const deployed = (await findDeployed(kube, resize.app)) ?? [];
  let resized = 0;
  for (const wanted of resize.objects.filter(isWorkload)) {
    const before = deployed.filter(isWorkload).find((each) => isSameObject(each, wanted));
    if (before) resized += await resizeWorkload(kube, resize, { before, wanted });
  }
  return resized;
}

async function resizeWorkload(
  kube: KubeClient,
  { app, objects, journal }: Resize,
  { before, wanted: unbound }: { readonly before: Workload; readonly wanted: Workload },
): Promise<number> {
  if (!isResizeOnly(before.object, unbound.object)) return 0;
  const wanted = await bindReplicas(kube, unbound, objects);
  const { name = '', namespace } = wanted.object.metadata ?? {};
  const live = await kube.find(wanted.resource, name, namespace);
  if (!live || templateOf(live) !== templateOf(before.object) || !isSettled(live, wanted.object)) return 0;
  const pods = (await listPods(kube, app)).filter((pod) => isPodOf(pod, live));
  const adopt = await adoptionOf(kube, { wanted, live, pods });
  if (!adopt || pods.length !== live.spec?.replicas || pods.length === 0) return 0;
  try {
    for (const pod of pods) await askFor(kube, pod, wanted.object);
    await Promise.all(pods.map((pod) => untilResized(kube, pod, wanted.object)));
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'UNAVAILABLE') throw error;
    // What cannot be had must not stay asked for: the roll may fail, and then these pods go on.
    for (const pod of pods) await askFor(kube, pod, before.object).catch(() => undefined);
    journal.say(`Cannot be resized in place, so pods are replaced: ${messageOf(error)}`, 'warn');
    return 0;
  }
  await adopt();
  return pods.length;
}

function isSameObject(left: Workload, right: Workload): boolean {
  return left.resource === right.resource && left.object.metadata?.name === right.object.metadata?.name;
}

function isResizeOnly(before: WorkloadObject, wanted: WorkloadObject): boolean {
  if (templateOf(before) === templateOf(wanted) || claimsOf(before) !== claimsOf(wanted)) return false;
  const [left, right] = [before, wanted].map(({ spec }) => withoutResources(spec?.template));
  return isDeepStrictEqual(left, right);
}

/** A candidate's pods are the app's, too, but not of the same workload. */
function isPodOf(pod: Pod, workload: WorkloadObject): boolean {
  const wanted = Object.entries(workload.spec?.selector.matchLabels ?? {});
  return (
    templateOf(pod) === templateOf(workload) &&
    wanted.every(([label, value]) => pod.metadata?.labels?.[label] === value)
  );
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
function isSettled({ metadata, spec, status }: WorkloadObject, wanted: WorkloadObject): boolean {
  const { replicas = 1 } = spec ?? {};
  const {
    observedGeneration = 0,
    updatedReplicas = 0,
    availableReplicas = 0,
    replicas: all = 0,
  } = status ?? {};
  const isPaused = spec !== undefined && 'paused' in spec && spec.paused === true;
  if (isPaused || replicas !== wanted.spec?.replicas || observedGeneration < (metadata?.generation ?? 0)) {
    return false;
  }
  return [updatedReplicas, availableReplicas, all].every((count) => count === replicas);
}

/** Throws NOT_FOUND where the cluster has no such subresource, INVALID where it may not be. */
async function askFor(kube: KubeClient, pod: Pod, wanted: WorkloadObject): Promise<void> {
  const { name = '', namespace } = pod.metadata ?? {};
  const resized = (containers: readonly Container[] | undefined): Container[] | undefined =>
    containers?.map((container) => ({ ...container, resources: resourcesIn(wanted, container.name) }));
  const spec = {
    containers: resized(pod.spec?.containers),
    ...(pod.spec?.initContainers ? { initContainers: resized(pod.spec.initContainers) } : {}),
  };
  await kube.patch('pods', { name, namespace, subresource: 'resize' }, { spec });
}

function resourcesIn({ spec }: WorkloadObject, name: string): NonNullable<Container['resources']> {
  return containersOf(spec?.template ?? {}).find((each) => each.name === name)?.resources ?? {};
}

async function untilResized(kube: KubeClient, { metadata }: Pod, wanted: WorkloadObject): Promise<void> {
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
