import { messageOf } from '@skyarc/lib/errors';
import { keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { sameJson } from '../same.ts';
import { Expectations } from '../expectations.ts';
import { ignoreGone, isNamespaceEnding } from '../failures.ts';
import type { Pod, ReplicaSet } from '../kinds.ts';
import { claim, controllerOf } from '../owners.ts';
import { isActive, nextAvailabilityMs, podFromTemplate } from '../pods.ts';
import { matchesSelector } from '../selectors.ts';
import { slowStart } from '../slow-start.ts';
import { rankForDeletion } from './ranking.ts';
import { statusOf } from './status.ts';

/** Pods made or deleted in one round, as in Kubernetes. */
const burst = 500;

/** Keeps as many pods of a ReplicaSet's template as it asks for. */
export function replicaSetController(context: ControllerContext): Controller {
  return new ReplicaSetController(context);
}

class ReplicaSetController implements Controller {
  private readonly context: ControllerContext;
  private readonly expectations = new Expectations();
  private readonly queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.context = context;
    this.queue = new WorkQueue({
      name: 'replicaset',
      workers: context.config.workers,
      log: context.log,
      handle: (key) => this.reconcile(key),
    });
    context.informers.of('replicasets').on({
      add: (replicaSet) => this.queue.add(keyOf(replicaSet)),
      update: (replicaSet) => this.queue.add(keyOf(replicaSet)),
      delete: (replicaSet) => {
        this.expectations.forget(keyOf(replicaSet));
        this.queue.add(keyOf(replicaSet));
      },
    });
    context.informers.of('pods').on({
      add: (pod) => this.podAdded(pod),
      update: (pod, old) => this.podUpdated(pod, old),
      delete: (pod) => this.podDeleted(pod),
    });
  }

  start(): void {
    this.queue.start();
  }

  async stop(): Promise<void> {
    await this.queue.stop();
  }

  private podAdded(pod: Pod): void {
    // After a restart a pod may show up terminating already: that is a deletion, not a creation.
    if (pod.metadata?.deletionTimestamp) {
      this.podDeleted(pod);
      return;
    }
    const owner = this.ownerOf(pod);
    if (owner) this.expectations.creationSeen(keyOf(owner));
    this.enqueueFor(pod);
  }

  private podUpdated(pod: Pod, old: Pod): void {
    if (pod.metadata?.deletionTimestamp && !old.metadata?.deletionTimestamp) {
      this.podDeleted(pod);
      return;
    }
    if (controllerOf(old)?.uid !== controllerOf(pod)?.uid) this.enqueueFor(old);
    this.enqueueFor(pod);
  }

  private podDeleted(pod: Pod): void {
    const owner = this.ownerOf(pod);
    if (!owner) return;
    this.expectations.deletionSeen(keyOf(owner), pod.metadata?.uid ?? '');
    this.queue.add(keyOf(owner));
  }

  private ownerOf(pod: Pod): ReplicaSet | undefined {
    const owner = controllerOf(pod);
    if (owner?.kind !== 'ReplicaSet') return undefined;
    const key = `${pod.metadata?.namespace ?? ''}/${owner.name}`;
    const found = this.context.informers.store('replicasets').get(key);
    return found?.metadata?.uid === owner.uid ? found : undefined;
  }

  private enqueueFor(pod: Pod): void {
    const owner = this.ownerOf(pod);
    if (owner) this.queue.add(keyOf(owner));
    else if (!controllerOf(pod)) {
      const neighbours = this.context.informers
        .store('replicasets')
        .by('namespace', pod.metadata?.namespace ?? '');
      for (const replicaSet of neighbours) {
        if (matchesSelector(replicaSet.spec?.selector, pod.metadata?.labels))
          this.queue.add(keyOf(replicaSet));
      }
    }
  }

  private async reconcile(key: string): Promise<void> {
    const { client, informers } = this.context;
    const replicaSet = informers.store('replicasets').get(key);
    if (!replicaSet) return;
    const { uid = '', namespace = '' } = replicaSet.metadata ?? {};
    const mayManage = this.expectations.satisfied(key);
    const pods = informers.store('pods');
    const active = await claim({
      client,
      resource: 'pods',
      ownerResource: 'replicasets',
      owner: replicaSet,
      selector: replicaSet.spec?.selector,
      candidates: [...pods.by('owner', uid), ...pods.by('orphan', namespace)].filter(isActive),
    });
    let failure: { reason: 'FailedCreate' | 'FailedDelete'; error: unknown } | undefined;
    if (!mayManage) this.queue.addAfter(key, 30_000);
    else if (!replicaSet.metadata?.deletionTimestamp) failure = await this.manage(key, replicaSet, active);

    const status = statusOf(
      replicaSet,
      active,
      failure && { reason: failure.reason, message: messageOf(failure.error) },
    );
    if (!sameJson(status, replicaSet.status)) {
      await client.updateStatus('replicasets', { ...replicaSet, status }).catch(ignoreGone);
    }
    const waitMs = nextAvailabilityMs(active, replicaSet.spec?.minReadySeconds);
    if (waitMs) this.queue.addAfter(key, waitMs);
    if (failure) throw failure.error;
  }

  private async manage(key: string, replicaSet: ReplicaSet, active: readonly Pod[]) {
    const missing = (replicaSet.spec?.replicas ?? 1) - active.length;
    if (missing > 0) return await this.createPods(key, replicaSet, Math.min(missing, burst));
    if (missing < 0) return await this.deletePods(key, replicaSet, active, Math.min(-missing, burst));
    return undefined;
  }

  private async createPods(key: string, replicaSet: ReplicaSet, count: number) {
    const { client } = this.context;
    this.expectations.expectCreations(key, count);
    const { done, error } = await slowStart(count, async () => {
      const pod = podFromTemplate(replicaSet.spec?.template, { resource: 'replicasets', object: replicaSet });
      pod.metadata.generateName = `${replicaSet.metadata?.name ?? ''}-`;
      const created = await client.create('pods', pod);
      this.tell(replicaSet, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata?.name ?? ''}`);
    });
    for (let skipped = done; skipped < count; skipped += 1) this.expectations.creationSeen(key);
    if (error === undefined || isNamespaceEnding(error)) return undefined;
    this.tell(replicaSet, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
    return { reason: 'FailedCreate' as const, error };
  }

  private async deletePods(key: string, replicaSet: ReplicaSet, active: readonly Pod[], count: number) {
    const victims = rankForDeletion(active, this.siblingsOf(replicaSet)).slice(0, count);
    const uids = victims.map((pod) => pod.metadata?.uid ?? '');
    this.expectations.expectDeletions(key, uids);
    const results = await Promise.allSettled(
      victims.map(async ({ metadata }) => {
        const { name = '', namespace, uid = '' } = metadata ?? {};
        try {
          await this.context.client.delete('pods', name, namespace, { uid });
          this.tell(replicaSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
        } catch (error) {
          this.expectations.deletionSeen(key, uid);
          ignoreGone(error);
        }
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (!failed) return undefined;
    this.tell(replicaSet, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(failed.reason)}`);
    return { reason: 'FailedDelete' as const, error: failed.reason as unknown };
  }

  /** Active pods of all ReplicaSets that share this one's controller. */
  private siblingsOf(replicaSet: ReplicaSet): Pod[] {
    const { informers } = this.context;
    const owner = controllerOf(replicaSet);
    const family = owner ? informers.store('replicasets').by('owner', owner.uid) : [replicaSet];
    return family.flatMap(({ metadata }) =>
      informers
        .store('pods')
        .by('owner', metadata?.uid ?? '')
        .filter(isActive),
    );
  }

  private tell(replicaSet: ReplicaSet, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const about = { ...replicaSet, kind: 'ReplicaSet', apiVersion: 'apps/v1' };
    this.context.events.record({ about, type, reason, message });
  }
}
