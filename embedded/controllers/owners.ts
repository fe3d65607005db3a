import { isNotFound } from '@skyarc/lib/errors';
import type { KindTable, KubeClient, KubeObject, Resource } from '../client/index.ts';
import { kinds, type LabelSelector, type OwnerReference } from './kinds.ts';
import { matchesSelector } from './selectors.ts';

/** The reference that names the object's managing controller, if one does. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((reference) => reference.controller);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata?.uid;
}

/** The reference by which an owner manages the objects it makes. */
export function controllerReference(resource: Resource, owner: KubeObject): OwnerReference {
  const { apiVersion, kind } = kinds[resource];
  return {
    apiVersion,
    kind,
    name: owner.metadata?.name ?? '',
    uid: owner.metadata?.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

export interface ClaimOptions<R extends Resource> {
  readonly client: KubeClient;
  /** Resource of the objects to claim, and of their owner. */
  readonly resource: R;
  readonly ownerResource: Resource;
  readonly owner: KubeObject;
  readonly selector: LabelSelector | undefined;
  /** Owned objects and those without a controller in the owner's namespace. */
  readonly candidates: readonly KindTable[R][];
  /** A further condition, e.g. the name of a StatefulSet's pod. */
  readonly accepts?: (object: KindTable[R]) => boolean;
}

/**
 * The objects that the owner manages: its own that still match, plus matching orphans, which it adopts;
 * own ones that do not match any more are released (Kubernetes' ControllerRefManager).
 */
export async function claim<R extends Resource>(options: ClaimOptions<R>): Promise<KindTable[R][]> {
  const { owner, selector } = options;
  const claimed: KindTable[R][] = [];
  let mayAdopt: boolean | undefined;
  for (const object of options.candidates) {
    const controller = controllerOf(object);
    const matches = matchesSelector(selector, object.metadata?.labels) && (options.accepts?.(object) ?? true);
    if (controller) {
      if (controller.uid !== owner.metadata?.uid) continue;
      if (matches) claimed.push(object);
      else if (!owner.metadata?.deletionTimestamp) await release(options, object);
      continue;
    }
    if (!matches || owner.metadata?.deletionTimestamp || object.metadata?.deletionTimestamp) continue;
    mayAdopt ??= await isStillAlive(options);
    const adopted = mayAdopt ? await adopt(options, object) : undefined;
    if (adopted) claimed.push(adopted);
  }
  return claimed;
}

/** Asks the API, not the cache: an owner that is being deleted must not adopt. */
async function isStillAlive<R extends Resource>({ client, owner, ownerResource }: ClaimOptions<R>) {
  const fresh = await client.find(ownerResource, owner.metadata?.name ?? '', owner.metadata?.namespace);
  return fresh?.metadata?.uid === owner.metadata?.uid && !fresh?.metadata?.deletionTimestamp;
}

async function adopt<R extends Resource>(options: ClaimOptions<R>, object: KindTable[R]) {
  const reference = controllerReference(options.ownerResource, options.owner);
  return await patchReferences(options, object, [...(object.metadata?.ownerReferences ?? []), reference]);
}

async function release<R extends Resource>(options: ClaimOptions<R>, object: KindTable[R]) {
  const others = object.metadata?.ownerReferences?.filter(({ uid }) => uid !== options.owner.metadata?.uid);
  await patchReferences(options, object, others ?? []);
}

/** Replaces the whole list, so the patch holds only for the version that was read. */
async function patchReferences<R extends Resource>(
  { client, resource }: ClaimOptions<R>,
  object: KindTable[R],
  ownerReferences: readonly OwnerReference[],
): Promise<KindTable[R] | undefined> {
  const { name = '', namespace, uid, resourceVersion } = object.metadata ?? {};
  try {
    return await client.patch(resource, name, namespace, {
      metadata: { uid, resourceVersion, ownerReferences },
    });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
