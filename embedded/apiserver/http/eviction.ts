import { AppError } from '@skyarc/lib/errors';
import { apiError } from '../errors.ts';
import { at, isObject, listAt, nowText, textAt, type ApiObject } from '../object.ts';
import type { Registry } from '../registry.ts';
import { matchesLabelSelector } from '../selectors.ts';
import { readOptions } from './body.ts';
import { sendJson } from './exchange.ts';
import { objectOf, parseDeleteOptions, success, type ResourceRequest } from './resource-handler.ts';
import { notAllowed } from './target.ts';

/** Allowed evictions that a budget may await at the same time, as in Kubernetes. */
const maxAwaited = 2_000;

/**
 * POST pods/eviction (policy/v1): deletes the pod unless its disruption budget has nothing left to allow, 429
 * then. The budget is debited before the deletion, so that two evictions at once never spend the same unit.
 */
export async function evict(registry: Registry, resource: ResourceRequest): Promise<void> {
  const { exchange, target, served } = resource;
  if (exchange.request.method !== 'POST') throw notAllowed();
  const body = await readOptions(exchange.request);
  const options = parseDeleteOptions(
    isObject(body['deleteOptions']) ? body['deleteOptions'] : {},
    exchange.query,
  );
  const pod = objectOf(registry, resource);
  const place = { namespace: target.namespace, name: target.name ?? '' };
  if (isGuarded(pod)) {
    await debit(registry, pod, options.dryRun);
    if (!options.dryRun) await markDisrupted(registry, resource);
  }
  const preconditions = { uid: pod.metadata.uid, ...options.preconditions };
  await registry.delete(served.kind, place, { ...options, preconditions });
  sendJson(exchange.response, 201, success);
}

/** A pod that has not begun, has ended or is on its way out serves nobody. */
function isGuarded(pod: ApiObject): boolean {
  return textAt(pod, 'status', 'phase') === 'Running' && !pod.metadata.deletionTimestamp;
}

async function debit(registry: Registry, pod: ApiObject, dryRun: boolean | undefined): Promise<void> {
  const kind = registry.kindNamed('poddisruptionbudgets');
  const { namespace, name } = pod.metadata;
  const budgets = registry.reader
    .entries(kind)
    .map(({ object }) => object)
    .filter(({ metadata, spec }) => metadata.namespace === namespace && covers(spec?.['selector'], pod));
  const [budget] = budgets;
  if (!budget) return;
  if (budgets.length > 1) {
    // In Kubernetes a fault of the server too, but one that its owner must read.
    throw new AppError(
      'CONFLICT',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      { details: { status: 500, reason: 'InternalError' } },
    );
  }
  if (mayGoUnhealthy(budget, pod)) return;
  await registry.update(
    kind,
    { namespace, name: budget.metadata.name },
    (current) => {
      const status = current.status ?? {};
      const allowed = Number(status['disruptionsAllowed'] ?? 0);
      const awaited = isObject(status['disruptedPods']) ? status['disruptedPods'] : {};
      if (Number(status['observedGeneration'] ?? 0) < (current.metadata.generation ?? 0))
        throw refusal(current, 'is still being processed by the server');
      if (allowed <= 0) {
        const [needed, healthy] = [status['desiredHealthy'], status['currentHealthy']].map(Number);
        throw refusal(current, `needs ${needed ?? 0} healthy pods and has ${healthy ?? 0} currently`);
      }
      if (Object.keys(awaited).length >= maxAwaited)
        throw refusal(current, 'awaits too many evictions already');
      return {
        ...current,
        status: {
          ...status,
          disruptionsAllowed: allowed - 1,
          disruptedPods: { ...awaited, [name]: nowText() },
        },
      };
    },
    { scope: 'status', dryRun },
  );
}

function covers(selector: unknown, pod: ApiObject): boolean {
  return isObject(selector) && matchesLabelSelector(selector, pod.metadata.labels ?? {});
}

/** A pod that is not ready is no loss; unless told otherwise, only while the others are enough. */
function mayGoUnhealthy(budget: ApiObject, pod: ApiObject): boolean {
  const isReady = listAt(pod, 'status', 'conditions').some(
    (condition) => condition['type'] === 'Ready' && condition['status'] === 'True',
  );
  if (isReady) return false;
  if (at(budget, 'spec', 'unhealthyPodEvictionPolicy') === 'AlwaysAllow') return true;
  const desired = Number(at(budget, 'status', 'desiredHealthy') ?? 0);
  return desired > 0 && Number(at(budget, 'status', 'currentHealthy') ?? 0) >= desired;
}

function refusal(budget: ApiObject, why: string): AppError {
  const message = `The disruption budget ${budget.metadata.name} ${why}`;
  return apiError(
    429,
    'TooManyRequests',
    "Cannot evict pod as it would violate the pod's disruption budget.",
    { causes: [{ reason: 'DisruptionBudget', message }] },
  );
}

/** Says in the pod why it goes, for whoever decides whether its end counts. */
async function markDisrupted(registry: Registry, { target, served }: ResourceRequest): Promise<void> {
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastTransitionTime: nowText(),
  };
  await registry.update(
    served.kind,
    { namespace: target.namespace, name: target.name ?? '' },
    (pod) => {
      const others = listAt(pod, 'status', 'conditions').filter((each) => each['type'] !== condition.type);
      return { ...pod, status: { ...pod.status, conditions: [...others, condition] } };
    },
    { scope: 'status' },
  );
}
