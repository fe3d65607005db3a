import { isNotFound, messageOf } from '@skyarc/lib/errors';
import { keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ignoreGone } from '../failures.ts';
import { timestamp, type Claim, type Pod } from '../kinds.ts';
import { isFinished, podCondition } from '../pods.ts';
import { refusalOf, type NodeState } from './filters.ts';
import { unschedulableMessage } from './message.ts';
import { add, requestsOf } from '../../client/pod-resources.ts';
import { selectedNodeAnnotation } from '../volumes/binding.ts';
import { chooseNode } from './scores.ts';
import { volumeNeedsOf, type VolumeNeeds } from './volumes.ts';

const schedulerName = 'default-scheduler';
const retryEveryMs = 60_000;

/** Gives every pending pod a node: filter, score, bind; waits for a change where no node fits. */
export function scheduler(context: ControllerContext): Controller {
  return new Scheduler(context);
}

class Scheduler implements Controller {
  private readonly context: ControllerContext;
  private readonly queue: WorkQueue;
  /** Keys of pods that fit nowhere now. */
  private readonly unschedulable = new Set<string>();
  /** Bound by us, but not yet so in the cache: they use their node already. By uid. */
  private readonly assumed = new Map<string, { pod: Pod; node: string }>();

  constructor(context: ControllerContext) {
    this.context = context;
    // One worker: each decision must see the one before.
    this.queue = new WorkQueue({
      name: 'scheduler',
      workers: 1,
      log: context.log,
      maxDelayMs: 10_000,
      handle: (key) => this.schedule(key),
    });
    const { informers } = context;
    const retry = () => this.retryUnschedulable();
    informers.of('pods').on({
      add: (pod) => this.podChanged(pod),
      update: (pod) => this.podChanged(pod),
      delete: (pod) => {
        this.assumed.delete(pod.metadata?.uid ?? '');
        this.unschedulable.delete(keyOf(pod));
        retry();
      },
    });
    // A heartbeat changes a node's status every few seconds; what matters here changes seldom.
    informers.of('nodes').on({
      add: retry,
      delete: retry,
      update: (node, old) => {
        const facts = (of: typeof node) => [
          of.spec,
          of.metadata?.labels,
          of.status?.allocatable,
          of.status?.conditions?.find(({ type }) => type === 'Ready')?.status,
        ];
        if (JSON.stringify(facts(node)) !== JSON.stringify(facts(old))) retry();
      },
    });
    informers.of('persistentvolumeclaims').on({ add: retry, update: retry });
    informers.of('persistentvolumes').on({ add: retry, update: retry });
    informers.of('storageclasses').on({ add: retry });
  }

  start(): void {
    this.queue.start();
  }

  async stop(): Promise<void> {
    await this.queue.stop();
  }

  private podChanged(pod: Pod): void {
    if (pod.spec?.nodeName) {
      this.assumed.delete(pod.metadata?.uid ?? '');
      this.unschedulable.delete(keyOf(pod));
      if (isFinished(pod)) this.retryUnschedulable();
      return;
    }
    // Our own note that it fits nowhere is an update too: only other news are worth a new try.
    if (this.isPending(pod) && !this.unschedulable.has(keyOf(pod))) this.queue.add(keyOf(pod));
  }

  private isPending({ spec, metadata, status }: Pod): boolean {
    const isMine = (spec?.schedulerName ?? schedulerName) === schedulerName;
    const isFree = !spec?.nodeName && (spec?.schedulingGates ?? []).length === 0;
    return isMine && isFree && !metadata?.deletionTimestamp && (status?.phase ?? 'Pending') === 'Pending';
  }

  private retryUnschedulable(): void {
    for (const key of this.unschedulable) this.queue.add(key);
    this.unschedulable.clear();
  }

  private async schedule(key: string): Promise<void> {
    const pod = this.context.informers.store('pods').get(key);
    if (!pod || !this.isPending(pod) || this.assumed.has(pod.metadata?.uid ?? '')) return;
    const states = this.nodeStates();
    const needs = this.volumeNeeds(pod);
    const refusals = states.map((state) => {
      const reasons = refusalOf(pod, state, states);
      return reasons.length > 0 ? reasons : needs.refusalOf(state.node);
    });
    const feasible = states.filter((_, index) => refusals[index]?.length === 0);
    const chosen = needs.problem ? undefined : chooseNode(pod, feasible, states);
    if (!chosen) {
      await this.refuse(key, pod, needs.problem ?? unschedulableMessage(refusals));
      return;
    }
    const node = chosen.node.metadata?.name ?? '';
    if (needs.delayed.length > 0) await this.selectNode(key, needs.delayed, node);
    else await this.bind(pod, node);
  }

  /** The nodes with the pods that the cache shows on them and those we have just bound to them. */
  private nodeStates(): NodeState[] {
    const { informers } = this.context;
    const bound = [...this.assumed.values()];
    return informers
      .store('nodes')
      .list()
      .map((node) => {
        const name = node.metadata?.name ?? '';
        const coming = bound.filter((each) => each.node === name).map(({ pod }) => pod);
        const pods = [
          ...informers
            .store('pods')
            .by('node', name)
            .filter((pod) => !isFinished(pod)),
          ...coming,
        ];
        const requested: Record<string, number> = {};
        for (const pod of pods) add(requested, requestsOf(pod));
        return { node, pods, requested };
      });
  }

  private volumeNeeds(pod: Pod): VolumeNeeds {
    const { informers } = this.context;
    return volumeNeedsOf(pod, {
      claims: informers.store('persistentvolumeclaims'),
      volumes: informers.store('persistentvolumes'),
      classes: informers.store('storageclasses'),
    });
  }

  /** Tells whoever makes the volumes where the pod will run; it is bound once they are there. */
  private async selectNode(key: string, claims: readonly Claim[], node: string): Promise<void> {
    this.unschedulable.add(key);
    this.queue.addAfter(key, retryEveryMs);
    for (const { metadata } of claims) {
      if (metadata?.annotations?.[selectedNodeAnnotation] === node) continue;
      const { name = '', namespace, uid } = metadata ?? {};
      await this.context.client.patch('persistentvolumeclaims', name, namespace, {
        metadata: { uid, annotations: { [selectedNodeAnnotation]: node } },
      });
    }
  }

  private async bind(pod: Pod, node: string): Promise<void> {
    const { client, events } = this.context;
    const { name = '', namespace, uid = '' } = pod.metadata ?? {};
    this.assumed.set(uid, { pod, node });
    const about = { ...pod, kind: 'Pod', apiVersion: 'v1' };
    try {
      await client.patch('pods', name, namespace, { metadata: { uid }, spec: { nodeName: node } });
    } catch (error) {
      this.assumed.delete(uid);
      if (isNotFound(error)) return;
      const message = `binding rejected: ${messageOf(error)}`;
      events.record({ about, type: 'Warning', reason: 'FailedScheduling', message });
      throw error;
    }
    const message = `Successfully assigned ${namespace ?? ''}/${name} to ${node}`;
    events.record({ about, type: 'Normal', reason: 'Scheduled', message });
  }

  private async refuse(key: string, pod: Pod, message: string): Promise<void> {
    this.unschedulable.add(key);
    this.queue.addAfter(key, retryEveryMs);
    const known = podCondition(pod, 'PodScheduled');
    if (known?.status === 'False' && known.message === message) return;
    const about = { ...pod, kind: 'Pod', apiVersion: 'v1' };
    this.context.events.record({ about, type: 'Warning', reason: 'FailedScheduling', message });
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastTransitionTime: known?.status === 'False' ? known.lastTransitionTime : timestamp(),
    };
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
    const status = { ...pod.status, phase: 'Pending', conditions: [...others, condition] };
    await this.context.client.updateStatus('pods', { ...pod, status }).catch(ignoreGone);
  }
}
