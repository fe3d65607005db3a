import { messageOf } from '@skyarc/lib/errors';
import { keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ignoreGone, isNamespaceEnding, isTaken } from '../failures.ts';
import type { ControllerRevision, Pod, StatefulSet } from '../kinds.ts';
import { claim, controllerOf, isControlledBy } from '../owners.ts';
import { nextAvailabilityMs } from '../pods.ts';
import { sameJson } from '../same.ts';
import { matchesSelector } from '../selectors.ts';
import { ordinalOf, planStatefulSet, revisionLabel, type StatefulSetAction } from './plan.ts';
import { renderClaims, renderPod } from './render.ts';
import { beyondHistory, ensureRevision, templateOf } from '../revisions.ts';

/** Keeps the numbered pods of a StatefulSet, each with its own name and claims. */
export function statefulSetController(context: ControllerContext): Controller {
  return new StatefulSetController(context);
}

class StatefulSetController implements Controller {
  private readonly context: ControllerContext;
  private readonly queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.context = context;
    this.queue = new WorkQueue({
      name: 'statefulset',
      workers: context.config.workers,
      log: context.log,
      handle: (key) => this.reconcile(key),
    });
    const enqueue = (set: StatefulSet) => this.queue.add(keyOf(set));
    context.informers.of('statefulsets').on({ add: enqueue, update: enqueue });
    context.informers.of('controllerrevisions');
    context.informers.of('persistentvolumeclaims');
    context.informers.of('pods').on({
      add: (pod) => this.enqueueFor(pod),
      update: (pod, old) => {
        if (controllerOf(old)?.uid !== controllerOf(pod)?.uid) this.enqueueFor(old);
        this.enqueueFor(pod);
      },
      delete: (pod) => this.enqueueFor(pod),
    });
  }

  start(): void {
    this.queue.start();
  }

  async stop(): Promise<void> {
    await this.queue.stop();
  }

  private enqueueFor(pod: Pod): void {
    const owner = controllerOf(pod);
    const namespace = pod.metadata?.namespace ?? '';
    if (owner?.kind === 'StatefulSet') this.queue.add(`${namespace}/${owner.name}`);
    if (owner) return;
    for (const set of this.context.informers.store('statefulsets').by('namespace', namespace)) {
      if (matchesSelector(set.spec?.selector, pod.metadata?.labels)) this.queue.add(keyOf(set));
    }
  }

  private async reconcile(key: string): Promise<void> {
    const { client, informers } = this.context;
    const set = informers.store('statefulsets').get(key);
    if (!set) return;
    const { uid = '', namespace = '' } = set.metadata ?? {};
    const revisions = informers.store('controllerrevisions').by('owner', uid);
    const pods = await claim({
      client,
      resource: 'pods',
      ownerResource: 'statefulsets',
      owner: set,
      selector: set.spec?.selector,
      candidates: [
        ...informers.store('pods').by('owner', uid),
        ...informers.store('pods').by('orphan', namespace),
      ],
      accepts: (pod) => ordinalOf(set, pod.metadata?.name) !== undefined,
    });
    const { revision: update, collisionCount } = await ensureRevision(
      client,
      { resource: 'statefulsets', object: set },
      revisions,
    );
    const current =
      revisions.find(({ metadata }) => metadata?.name === set.status?.currentRevision) ?? update;
    const plan = planStatefulSet({
      set,
      pods,
      currentRevision: current.metadata?.name ?? '',
      updateRevision: update.metadata?.name ?? '',
    });
    try {
      for (const action of plan.actions) await this.carryOut(set, action, { current, update });
    } finally {
      const status = { ...plan.status, collisionCount };
      if (!sameJson(status, set.status)) {
        await client.updateStatus('statefulsets', { ...set, status }).catch(ignoreGone);
      }
    }
    const names = [current, update].map(({ metadata }) => metadata?.name ?? '');
    await this.truncateHistory(set, revisions, { pods, names });
    const waitMs = nextAvailabilityMs(pods, set.spec?.minReadySeconds);
    if (waitMs) this.queue.addAfter(key, waitMs);
  }

  private async carryOut(
    set: StatefulSet,
    action: StatefulSetAction,
    revisions: { current: ControllerRevision; update: ControllerRevision },
  ): Promise<void> {
    if (action.type === 'create') await this.createPod(set, action.ordinal, revisions[action.revision]);
    else await this.deletePod(set, action.pod);
  }

  private async createPod(set: StatefulSet, ordinal: number, revision: ControllerRevision): Promise<void> {
    const { client } = this.context;
    const name = `${set.metadata?.name ?? ''}-${ordinal}`;
    const what = `create Pod ${name} in StatefulSet ${set.metadata?.name ?? ''}`;
    try {
      for (const wanted of renderClaims(set, ordinal)) {
        const known = this.context.informers.store('persistentvolumeclaims').get(keyOf(wanted));
        if (!known) await client.create('persistentvolumeclaims', wanted).catch(ignoreTaken);
      }
      const template = templateOf(revision) ?? set.spec?.template;
      const pod = renderPod(set, { ordinal, template, revision: revision.metadata?.name ?? '' });
      await client.create('pods', pod);
      this.tell(set, 'Normal', 'SuccessfulCreate', `${what} successful`);
    } catch (error) {
      if (isNamespaceEnding(error)) return;
      // Ours already, only not in the cache yet: its event will bring us back.
      if (isTaken(error) && (await this.isOurs(set, name))) return;
      this.tell(set, 'Warning', 'FailedCreate', `${what} failed error: ${messageOf(error)}`);
      throw error;
    }
  }

  private async isOurs(set: StatefulSet, podName: string): Promise<boolean> {
    const pod = await this.context.client.find('pods', podName, set.metadata?.namespace);
    return pod === null || isControlledBy(pod, set);
  }

  private async deletePod(set: StatefulSet, pod: Pod): Promise<void> {
    const { name = '', namespace, uid } = pod.metadata ?? {};
    const what = `delete Pod ${name} in StatefulSet ${set.metadata?.name ?? ''}`;
    await this.context.client.delete('pods', name, namespace, { uid }).catch(ignoreGone);
    this.tell(set, 'Normal', 'SuccessfulDelete', `${what} successful`);
  }

  private async truncateHistory(
    set: StatefulSet,
    revisions: readonly ControllerRevision[],
    { pods, names }: { pods: readonly Pod[]; names: readonly string[] },
  ): Promise<void> {
    const inUse = new Set(names);
    for (const { metadata } of pods) inUse.add(metadata?.labels?.[revisionLabel] ?? '');
    for (const { metadata } of beyondHistory(set, revisions, inUse)) {
      const { name = '', namespace, uid } = metadata ?? {};
      await this.context.client.delete('controllerrevisions', name, namespace, { uid }).catch(ignoreGone);
    }
  }

  private tell(set: StatefulSet, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const about = { ...set, kind: 'StatefulSet', apiVersion: 'apps/v1' };
    this.context.events.record({ about, type, reason, message });
  }
}

function ignoreTaken(error: unknown): void {
  if (!isTaken(error)) throw error;
}
