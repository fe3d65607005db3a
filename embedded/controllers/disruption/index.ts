import { keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import type { DisruptionBudget, OwnerReference, Pod } from '../kinds.ts';
import { controllerOf } from '../owners.ts';
import { sameJson } from '../same.ts';
import { matchesSelector } from '../selectors.ts';
import { budgetStatus, nextExpiryMs } from './budget.ts';

/** Says of every PodDisruptionBudget how many of its pods may be evicted. */
export function disruptionController(context: ControllerContext): Controller {
  const { client, config, informers, log } = context;
  const queue = new WorkQueue({ name: 'disruption', workers: config.workers, log, handle: reconcile });
  const budgets = informers.store('poddisruptionbudgets');
  const enqueue = (budget: DisruptionBudget) => queue.add(keyOf(budget));
  const podChanged = ({ metadata }: Pod) => {
    for (const budget of budgets.by('namespace', metadata?.namespace ?? '')) {
      if (matchesSelector(budget.spec?.selector, metadata?.labels)) enqueue(budget);
    }
  };
  informers.of('poddisruptionbudgets').on({ add: enqueue, update: enqueue });
  informers.of('pods').on({
    add: podChanged,
    delete: podChanged,
    update: (pod, old) => {
      if (!sameJson(pod.metadata?.labels, old.metadata?.labels)) podChanged(old);
      podChanged(pod);
    },
  });
  for (const resource of ['deployments', 'replicasets', 'statefulsets'] as const) {
    informers.of(resource).on({
      update: ({ metadata, spec }, { spec: old }) => {
        if (spec?.replicas === old?.replicas) return;
        budgets.by('namespace', metadata?.namespace ?? '').forEach(enqueue);
      },
    });
  }

  async function reconcile(key: string): Promise<void> {
    const budget = budgets.get(key);
    if (!budget) return;
    const namespace = budget.metadata?.namespace ?? '';
    const pods = informers
      .store('pods')
      .by('namespace', namespace)
      .filter(({ metadata }) => matchesSelector(budget.spec?.selector, metadata?.labels));
    const now = Date.now();
    const status = budgetStatus({ budget, pods, wanted: wantedBy(pods), now });
    // With the version that was read: an eviction meanwhile has its own count, and must not be lost.
    if (!sameJson(status, budget.status))
      await client.updateStatus('poddisruptionbudgets', { ...budget, status });
    const againAfterMs = nextExpiryMs({ status }, now);
    if (againAfterMs !== undefined) queue.addAfter(key, againAfterMs);
  }

  /** What the controllers of the pods want in all; pods without one count for themselves. */
  function wantedBy(pods: readonly Pod[]): number {
    const scales = new Map<string, number>();
    let single = 0;
    for (const pod of pods) {
      const owner = controllerOf(pod);
      const scale = owner && scaleOf(owner, pod.metadata?.namespace ?? '');
      if (scale) scales.set(scale.uid, scale.replicas);
      else single += 1;
    }
    return single + [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
  }

  function scaleOf(owner: OwnerReference, namespace: string): { uid: string; replicas: number } | undefined {
    const key = `${namespace}/${owner.name}`;
    if (owner.kind === 'StatefulSet') return replicasOf(informers.store('statefulsets').get(key), owner);
    if (owner.kind !== 'ReplicaSet') return undefined;
    const set = informers.store('replicasets').get(key);
    const above = set && controllerOf(set);
    if (above?.kind === 'Deployment')
      return replicasOf(informers.store('deployments').get(`${namespace}/${above.name}`), above);
    return replicasOf(set, owner);
  }

  return { start: () => queue.start(), stop: () => queue.stop() };
}

function replicasOf(
  object: { metadata?: { uid?: string }; spec?: { replicas?: number } } | undefined,
  { uid }: OwnerReference,
): { uid: string; replicas: number } | undefined {
  return object?.metadata?.uid === uid ? { uid, replicas: object.spec?.replicas ?? 1 } : undefined;
}
