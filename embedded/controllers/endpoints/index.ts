import { AppError, isNotFound } from '@skyarc/lib/errors';
import type { KindTable } from '../../client/index.ts';
import { keyOf, splitKey } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ignoreGone } from '../failures.ts';
import type { Endpoints, EndpointSlice, Pod, Service } from '../kinds.ts';
import { sameJson } from '../same.ts';
import { matchesLabels } from '../selectors.ts';
import { hasSelector, isManaged, portGroups, renderEndpoints, renderSlices, serviceLabel } from './render.ts';

/**
 * Writes who answers for each service, as EndpointSlices and Endpoints. This is the switch that moves
 * traffic in a rollout: it acts on every change of a pod at once, without batching.
 */
export function endpointsController(context: ControllerContext): Controller {
  const { client, informers, config, log } = context;
  const services = informers.store('services');
  const pods = informers.store('pods');
  const slices = informers.store('endpointslices');
  const endpoints = informers.store('endpoints');
  const queue = new WorkQueue({ name: 'endpoints', workers: config.workers, log, handle: reconcile });

  async function reconcile(key: string): Promise<void> {
    const { namespace = '', name } = splitKey(key);
    const service = services.get(key);
    if (!service) {
      // Slices go with their owner; Endpoints have none, as in Kubernetes.
      const leftOver = endpoints.get(key);
      if (leftOver && isManaged(leftOver))
        await client.delete('endpoints', name, namespace).catch(ignoreGone);
      return;
    }
    if (!hasSelector(service) || service.metadata?.deletionTimestamp) return;
    const groups = portGroups(service, pods.by('namespace', namespace));
    // Slices first: proxies read them. One failing must not keep the other from being written.
    const results = await Promise.allSettled([
      writeSlices(service, renderSlices(service, groups, slices.by('service', key))),
      writeEndpoints(renderEndpoints(service, groups)),
    ]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async function writeSlices(service: Service, wanted: readonly EndpointSlice[]): Promise<void> {
    const names = new Set(wanted.map(({ metadata }) => metadata?.name));
    await Promise.all(wanted.map((slice) => write('endpointslices', slice, slices.get(keyOf(slice)))));
    for (const { metadata } of slices.by('service', keyOf(service))) {
      const isOurs = metadata?.ownerReferences?.some(({ uid }) => uid === service.metadata?.uid);
      if (names.has(metadata?.name) || !isOurs) continue;
      await client.delete('endpointslices', metadata?.name ?? '', metadata?.namespace).catch(ignoreGone);
    }
  }

  async function writeEndpoints(wanted: Endpoints): Promise<void> {
    await write('endpoints', wanted, endpoints.get(keyOf(wanted)));
  }

  async function write<R extends 'endpoints' | 'endpointslices'>(
    resource: R,
    wanted: KindTable[R],
    known: KindTable[R] | undefined,
  ): Promise<void> {
    if (!known) {
      await client.create(resource, wanted);
      return;
    }
    const { labels, ownerReferences } = wanted.metadata ?? {};
    const next = { ...wanted, metadata: { ...known.metadata, labels, ownerReferences } };
    if (sameJson(next, known)) return;
    try {
      await client.update(resource, next);
    } catch (error) {
      // Gone behind the cache's back: make it anew on the next round, when the cache knows.
      if (isNotFound(error)) throw new AppError('CONFLICT', error.message);
      throw error;
    }
  }

  function enqueueFor(pod: Pod, old?: Pod): void {
    for (const service of services.by('namespace', pod.metadata?.namespace ?? '')) {
      if (!hasSelector(service)) continue;
      const selects = (labels: Record<string, string> | undefined) =>
        matchesLabels(service.spec?.selector, labels);
      if (selects(pod.metadata?.labels) || (old && selects(old.metadata?.labels))) queue.add(keyOf(service));
    }
  }

  const enqueue = (service: Service) => queue.add(keyOf(service));
  informers.of('services').on({ add: enqueue, update: enqueue, delete: enqueue });
  informers.of('pods').on({ add: enqueueFor, update: enqueueFor, delete: enqueueFor });
  // Also what others do to our objects, so that a slice deleted by hand comes back.
  const enqueueSlice = ({ metadata }: EndpointSlice) => {
    const name = metadata?.labels?.[serviceLabel];
    if (name) queue.add(`${metadata?.namespace ?? ''}/${name}`);
  };
  informers.of('endpointslices').on({ update: enqueueSlice, delete: enqueueSlice });
  // Additions too: the Endpoints of a service that was deleted while no controller ran.
  const enqueueEndpoints = (object: Endpoints) => queue.add(keyOf(object));
  informers.of('endpoints').on({ add: enqueueEndpoints, update: enqueueEndpoints, delete: enqueueEndpoints });
  return queue;
}
