import { isNotFound } from '@skyarc/lib/errors';
import type { DeleteOptions, KindTable, KubeObject, Resource } from '../../client/index.ts';
import { keyOf, splitKey } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ignoreGone } from '../failures.ts';
import { kinds, resourceOf, resources, type OwnerReference } from '../kinds.ts';

const foreground = 'foregroundDeletion';
const orphan = 'orphan';

/** How an object's owner stands: there, gone, or waiting for its dependents to go first. */
type OwnerState = 'solid' | 'gone' | 'waiting';

/**
 * Deletes what nobody owns any more, and finishes foreground and orphan deletions
 * (kubernetes.io/docs/concepts/architecture/garbage-collection). Queue keys are `resource|key`.
 */
export function garbageCollector(context: ControllerContext): Controller {
  return new GarbageCollector(context);
}

class GarbageCollector implements Controller {
  private readonly context: ControllerContext;
  private readonly queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.context = context;
    const { workers } = context.config;
    const handle = (key: string) => this.reconcile(key);
    this.queue = new WorkQueue({ name: 'garbage', workers, log: context.log, handle });
    for (const resource of resources) this.follow(resource);
  }

  start(): void {
    this.queue.start();
  }

  async stop(): Promise<void> {
    await this.queue.stop();
  }

  private follow(resource: Resource): void {
    const consider = (object: KubeObject) => {
      const { ownerReferences = [], deletionTimestamp } = object.metadata ?? {};
      if (ownerReferences.length > 0 || deletionTimestamp) this.queue.add(`${resource}|${keyOf(object)}`);
    };
    this.context.informers.of(resource).on({
      add: consider,
      update: (object, old) => {
        // Most updates are of status; only these bear on ownership.
        const { metadata } = object;
        const isNews =
          metadata?.deletionTimestamp !== old.metadata?.deletionTimestamp ||
          metadata?.finalizers?.length !== old.metadata?.finalizers?.length ||
          JSON.stringify(metadata?.ownerReferences) !== JSON.stringify(old.metadata?.ownerReferences);
        if (isNews) consider(object);
      },
      delete: (object) => {
        for (const [kind, dependent] of this.dependentsOf(object))
          this.queue.add(`${kind}|${keyOf(dependent)}`);
        for (const owner of object.metadata?.ownerReferences ?? []) this.enqueueOwner(owner, object);
      },
    });
  }

  /** An owner in foreground deletion waits for this dependent. */
  private enqueueOwner(owner: OwnerReference, dependent: KubeObject): void {
    const resource = resourceOf(owner);
    if (resource) this.queue.add(`${resource}|${ownerKey(resource, owner, dependent)}`);
  }

  private dependentsOf(owner: KubeObject): [Resource, KubeObject][] {
    const uid = owner.metadata?.uid ?? '';
    return resources.flatMap((resource) =>
      this.context.informers
        .store(resource)
        .by('owner', uid)
        .map((dependent): [Resource, KubeObject] => [resource, dependent]),
    );
  }

  private async reconcile(queueKey: string): Promise<void> {
    const bar = queueKey.indexOf('|');
    const resource = queueKey.slice(0, bar) as Resource;
    const object: KubeObject | undefined = this.context.informers
      .store(resource)
      .get(queueKey.slice(bar + 1));
    if (!object?.metadata) return;
    const { deletionTimestamp, finalizers = [], ownerReferences = [] } = object.metadata;
    if (deletionTimestamp && finalizers.includes(orphan)) await this.orphanDependents(resource, object);
    else if (deletionTimestamp && finalizers.includes(foreground))
      await this.deleteDependents(resource, object);
    else if (!deletionTimestamp && ownerReferences.length > 0) await this.collect(resource, object);
  }

  /** Deletes the object when none of its owners is left; drops references to owners that are gone otherwise. */
  private async collect(resource: Resource, object: KubeObject): Promise<void> {
    const { name = '', namespace, uid, finalizers = [], ownerReferences = [] } = object.metadata ?? {};
    const states = await Promise.all(ownerReferences.map((owner) => this.stateOf(owner, object)));
    const solid = ownerReferences.filter((_, index) => states[index] === 'solid');
    if (solid.length === ownerReferences.length) return;
    if (solid.length > 0) {
      await this.patch(resource, object, { ownerReferences: solid });
      return;
    }
    const isWaitedFor = states.includes('waiting') && this.dependentsOf(object).length > 0;
    let propagationPolicy: DeleteOptions['propagationPolicy'] = 'Background';
    if (isWaitedFor || finalizers.includes(foreground)) propagationPolicy = 'Foreground';
    if (finalizers.includes(orphan)) propagationPolicy = 'Orphan';
    await this.context.client.delete(resource, name, namespace, { uid, propagationPolicy }).catch(ignoreGone);
  }

  private async stateOf(owner: OwnerReference, dependent: KubeObject): Promise<OwnerState> {
    const resource = resourceOf(owner);
    // Of a kind that is not served here we cannot know: never delete on a guess.
    if (!resource) return 'solid';
    const key = ownerKey(resource, owner, dependent);
    const cached: KubeObject | undefined = this.context.informers.store(resource).get(key);
    const { name, namespace } = splitKey(key);
    // A cache may lag behind a new owner: ask the API before calling it gone.
    const found =
      cached?.metadata?.uid === owner.uid
        ? cached
        : await this.context.client.find(resource, name, namespace);
    if (found?.metadata?.uid !== owner.uid) return 'gone';
    const isWaiting =
      owner.blockOwnerDeletion &&
      found.metadata.deletionTimestamp &&
      found.metadata.finalizers?.includes(foreground);
    return isWaiting ? 'waiting' : 'solid';
  }

  /** Foreground: the owner goes when no dependent that blocks it is left. */
  private async deleteDependents(resource: Resource, owner: KubeObject): Promise<void> {
    const uid = owner.metadata?.uid;
    const dependents = this.dependentsOf(owner);
    const blocks = ([, { metadata }]: [Resource, KubeObject]) =>
      metadata?.ownerReferences?.some((reference) => reference.uid === uid && reference.blockOwnerDeletion);
    if (!dependents.some(blocks)) {
      await this.dropFinalizer(resource, owner, foreground);
      return;
    }
    for (const [kind, dependent] of dependents) this.queue.add(`${kind}|${keyOf(dependent)}`);
  }

  private async orphanDependents(resource: Resource, owner: KubeObject): Promise<void> {
    const uid = owner.metadata?.uid;
    await Promise.all(
      this.dependentsOf(owner).map(async ([kind, dependent]) => {
        const others = dependent.metadata?.ownerReferences?.filter((reference) => reference.uid !== uid);
        await this.patch(kind, dependent, { ownerReferences: others });
      }),
    );
    await this.dropFinalizer(resource, owner, orphan);
  }

  private async dropFinalizer(resource: Resource, object: KubeObject, finalizer: string): Promise<void> {
    const finalizers = object.metadata?.finalizers?.filter((name) => name !== finalizer);
    await this.patch(resource, object, { finalizers });
  }

  /** Lists are replaced whole, so the patch holds only for the version that was read. */
  private async patch<R extends Resource>(resource: R, object: KindTable[R], change: object): Promise<void> {
    const { name = '', namespace, uid, resourceVersion } = object.metadata ?? {};
    const patch = { metadata: { uid, resourceVersion, ...change } };
    try {
      await this.context.client.patch(resource, name, namespace, patch);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function ownerKey(resource: Resource, owner: OwnerReference, dependent: KubeObject): string {
  const namespace = kinds[resource].namespaced ? dependent.metadata?.namespace : undefined;
  return namespace ? `${namespace}/${owner.name}` : owner.name;
}
