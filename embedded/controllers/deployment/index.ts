import { keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { isNamespaceEnding } from '../failures.ts';
import type { Deployment, Pod, ReplicaSet } from '../kinds.ts';
import { claim, controllerOf } from '../owners.ts';
import { isEmptySelector, matchesSelector } from '../selectors.ts';
import { Rollout } from './rollout.ts';
import { deadlineInMs } from './status.ts';

/** Rolls a Deployment's template out over ReplicaSets, one per template. */
export function deploymentController(context: ControllerContext): Controller {
  const { client, informers, log, config } = context;
  const deployments = informers.store('deployments');
  const replicaSets = informers.store('replicasets');

  const queue = new WorkQueue({ name: 'deployment', workers: config.workers, log, handle: reconcile });

  async function reconcile(key: string): Promise<void> {
    const deployment = deployments.get(key);
    if (!deployment) return;
    if (isEmptySelector(deployment.spec?.selector)) {
      const about = { ...deployment, kind: 'Deployment', apiVersion: 'apps/v1' };
      const message = 'This deployment is selecting all pods. A non-empty selector is required.';
      context.events.record({ about, type: 'Warning', reason: 'SelectingAll', message });
      return;
    }
    const { namespace = '', uid = '' } = deployment.metadata ?? {};
    const owned = await claim({
      client,
      resource: 'replicasets',
      ownerResource: 'deployments',
      owner: deployment,
      selector: deployment.spec?.selector,
      candidates: [...replicaSets.by('owner', uid), ...replicaSets.by('orphan', namespace)],
    });
    try {
      const status = await new Rollout(context, deployment, owned).advance();
      const dueMs = deadlineInMs(deployment, status);
      // A second later than due, so that times in whole seconds have passed it.
      if (dueMs !== undefined) queue.addAfter(key, Math.max(0, dueMs) + 1_000);
    } catch (error) {
      if (!isNamespaceEnding(error)) throw error;
    }
  }

  function enqueueFor(replicaSet: ReplicaSet): void {
    const owner = controllerOf(replicaSet);
    const namespace = replicaSet.metadata?.namespace ?? '';
    if (owner?.kind === 'Deployment') queue.add(`${namespace}/${owner.name}`);
    if (owner) return;
    for (const deployment of deployments.by('namespace', namespace)) {
      if (matchesSelector(deployment.spec?.selector, replicaSet.metadata?.labels))
        queue.add(keyOf(deployment));
    }
  }

  /** Recreate waits for the last old pod to vanish, which no ReplicaSet's status tells. */
  function enqueueRecreate(pod: Pod): void {
    const owner = controllerOf(pod);
    if (owner?.kind !== 'ReplicaSet') return;
    const namespace = pod.metadata?.namespace ?? '';
    const replicaSet = replicaSets.get(`${namespace}/${owner.name}`);
    const deployment = deployments.get(
      `${namespace}/${(replicaSet && controllerOf(replicaSet)?.name) ?? ''}`,
    );
    if (deployment?.spec?.strategy?.type === 'Recreate') queue.add(keyOf(deployment));
  }

  const enqueue = (deployment: Deployment) => queue.add(keyOf(deployment));
  informers.of('deployments').on({ add: enqueue, update: enqueue });
  informers.of('replicasets').on({
    add: enqueueFor,
    update: (replicaSet, old) => {
      if (controllerOf(old)?.uid !== controllerOf(replicaSet)?.uid) enqueueFor(old);
      enqueueFor(replicaSet);
    },
    delete: enqueueFor,
  });
  informers.of('pods').on({ update: enqueueRecreate, delete: enqueueRecreate });
  return queue;
}
