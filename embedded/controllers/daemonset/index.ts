import { messageOf } from '@skyarc/lib/errors';
import { keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { Expectations } from '../expectations.ts';
import { ignoreGone, isNamespaceEnding } from '../failures.ts';
import type { DaemonSet, Node, Pod } from '../kinds.ts';
import { claim, controllerOf } from '../owners.ts';
import { nextAvailabilityMs } from '../pods.ts';
import { beyondHistory, ensureRevision } from '../revisions.ts';
import { sameJson } from '../same.ts';
import { matchesSelector } from '../selectors.ts';
import { slowStart } from '../slow-start.ts';
import { planDaemonSet } from './plan.ts';
import { renderDaemon, tieTo } from './place.ts';

/** Keeps one pod of a DaemonSet on every node that takes it. */
export function daemonSetController(context: ControllerContext): Controller {
  return new DaemonSetController(context);
}

class DaemonSetController implements Controller {
  private readonly context: ControllerContext;
  private readonly expectations = new Expectations();
  private readonly queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.context = context;
    const { config, log, informers } = context;
    this.queue = new WorkQueue({
      name: 'daemonset',
      workers: config.workers,
      log,
      handle: (key) => this.reconcile(key),
    });
    const enqueue = (set: DaemonSet) => this.queue.add(keyOf(set));
    informers.of('daemonsets').on({
      add: enqueue,
      update: enqueue,
      delete: (set) => this.expectations.forget(keyOf(set)),
    });
    informers.of('controllerrevisions');
    informers.of('pods').on({
      add: (pod) => {
        if (pod.metadata?.deletionTimestamp) this.podGoing(pod);
        else this.podChanged(pod, (key) => this.expectations.creationSeen(key));
      },
      update: (pod, old) => {
        if (pod.metadata?.deletionTimestamp && !old.metadata?.deletionTimestamp) this.podGoing(pod);
        else this.podChanged(pod);
      },
      delete: (pod) => this.podGoing(pod),
    });
    const all = () => informers.store('daemonsets').list().forEach(enqueue);
    informers.of('nodes').on({
      add: all,
      delete: all,
      // Heartbeats change a node's status only; what decides where daemons run is here.
      update: (node, old) => {
        if (!sameJson(factsOf(node), factsOf(old))) all();
      },
    });
  }

  start(): void {
    this.queue.start();
  }

  async stop(): Promise<void> {
    await this.queue.stop();
  }

  private podGoing(pod: Pod): void {
    this.podChanged(pod, (key) => this.expectations.deletionSeen(key, pod.metadata?.uid ?? ''));
  }

  private podChanged(pod: Pod, seen?: (key: string) => void): void {
    const owner = controllerOf(pod);
    const namespace = pod.metadata?.namespace ?? '';
    const sets = this.context.informers.store('daemonsets');
    if (owner) {
      const set = owner.kind === 'DaemonSet' ? sets.get(`${namespace}/${owner.name}`) : undefined;
      if (set?.metadata?.uid !== owner.uid) return;
      seen?.(keyOf(set));
      this.queue.add(keyOf(set));
      return;
    }
    for (const set of sets.by('namespace', namespace)) {
      if (matchesSelector(set.spec?.selector, pod.metadata?.labels)) this.queue.add(keyOf(set));
    }
  }

  private async reconcile(key: string): Promise<void> {
    const { client, informers } = this.context;
    const set = informers.store('daemonsets').get(key);
    if (!set || set.metadata?.deletionTimestamp) return;
    const { uid = '', namespace = '' } = set.metadata ?? {};
    const pods = await claim({
      client,
      resource: 'pods',
      ownerResource: 'daemonsets',
      owner: set,
      selector: set.spec?.selector,
      candidates: [
        ...informers.store('pods').by('owner', uid),
        ...informers.store('pods').by('orphan', namespace),
      ],
    });
    const revisions = informers.store('controllerrevisions').by('owner', uid);
    const { revision, collisionCount } = await ensureRevision(
      client,
      { resource: 'daemonsets', object: set },
      revisions,
    );
    const hash = revision.metadata?.labels?.['controller.kubernetes.io/hash'] ?? '';
    const nodes = informers.store('nodes').list();
    const plan = planDaemonSet({ set, nodes, pods, hash, now: Date.now() });
    let failure: unknown;
    if (!this.expectations.satisfied(key)) this.queue.addAfter(key, 30_000);
    else if (plan.create.length > 0) failure = await this.createPods(key, set, { hash, nodes: plan.create });
    else if (plan.delete.length > 0) failure = await this.deletePods(key, set, plan.delete);
    const status = { ...plan.status, collisionCount: collisionCount || undefined };
    if (!sameJson(status, set.status)) {
      await client.updateStatus('daemonsets', { ...set, status }).catch(ignoreGone);
    }
    const inUse = new Set(
      revisions
        .filter(({ metadata }) => {
          const own = metadata?.labels?.['controller.kubernetes.io/hash'];
          return (
            own === hash || pods.some((pod) => pod.metadata?.labels?.['controller-revision-hash'] === own)
          );
        })
        .map(({ metadata }) => metadata?.name ?? ''),
    );
    for (const { metadata } of beyondHistory(set, revisions, inUse)) {
      const { name = '', uid: old } = metadata ?? {};
      await client.delete('controllerrevisions', name, namespace, { uid: old }).catch(ignoreGone);
    }
    const waitMs = nextAvailabilityMs(pods, set.spec?.minReadySeconds);
    if (waitMs) this.queue.addAfter(key, waitMs);
    if (failure !== undefined) throw failure;
  }

  private async createPods(
    key: string,
    set: DaemonSet,
    { hash, nodes }: { hash: string; nodes: readonly string[] },
  ): Promise<unknown> {
    this.expectations.expectCreations(key, nodes.length);
    let next = 0;
    const { done, error } = await slowStart(nodes.length, async () => {
      const pod = tieTo(renderDaemon(set, hash), nodes[next++] ?? '');
      const created = await this.context.client.create('pods', pod);
      this.tell(set, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata?.name ?? ''}`);
    });
    for (let skipped = done; skipped < nodes.length; skipped += 1) this.expectations.creationSeen(key);
    if (error === undefined || isNamespaceEnding(error)) return undefined;
    this.tell(set, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
    return error;
  }

  private async deletePods(key: string, set: DaemonSet, pods: readonly Pod[]): Promise<unknown> {
    this.expectations.expectDeletions(
      key,
      pods.map(({ metadata }) => metadata?.uid ?? ''),
    );
    const results = await Promise.allSettled(
      pods.map(async ({ metadata }) => {
        const { name = '', namespace, uid = '' } = metadata ?? {};
        try {
          await this.context.client.delete('pods', name, namespace, { uid });
          this.tell(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
        } catch (error) {
          this.expectations.deletionSeen(key, uid);
          ignoreGone(error);
        }
      }),
    );
    return results.find((result) => result.status === 'rejected')?.reason as unknown;
  }

  private tell(set: DaemonSet, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const about = { ...set, kind: 'DaemonSet', apiVersion: 'apps/v1' };
    this.context.events.record({ about, type, reason, message });
  }
}

function factsOf({ spec, metadata, status }: Node): unknown {
  return [spec, metadata?.labels, status?.conditions?.find(({ type }) => type === 'Ready')?.status];
}
