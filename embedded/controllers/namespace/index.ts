import { keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ignoreGone } from '../failures.ts';
import { kinds, resources, type Namespace } from '../kinds.ts';

const namespaced = resources.filter((resource) => kinds[resource].namespaced);
const pollEveryMs = 500;
const portion = 20;

/** Empties a namespace that is being deleted, then lets it go. */
export function namespaceController({ client, informers, config, log }: ControllerContext): Controller {
  const namespaces = informers.store('namespaces');
  const queue = new WorkQueue({ name: 'namespace', workers: config.workers, log, handle: reconcile });

  async function reconcile(name: string): Promise<void> {
    const namespace = namespaces.get(name);
    if (!namespace?.metadata?.deletionTimestamp) return;
    const counts = await Promise.all(namespaced.map((resource) => empty(resource, name)));
    const left = counts.reduce((sum, count) => sum + count, 0);
    if (left > 0) {
      log.debug({ namespace: name, left }, 'namespace not empty yet');
      queue.addAfter(name, pollEveryMs);
      return;
    }
    const finalizers = namespace.spec?.finalizers?.filter((finalizer) => finalizer !== 'kubernetes');
    await client
      .update('namespaces', { ...namespace, spec: { ...namespace.spec, finalizers } })
      .catch(ignoreGone);
  }

  /** Asked of the API and not of a cache: what a cache misses would be left behind for ever. */
  async function empty(resource: (typeof namespaced)[number], namespace: string): Promise<number> {
    const { items } = await client.list(resource, { namespace });
    const living = items.filter(({ metadata }) => !metadata?.deletionTimestamp);
    // In portions, so that one large namespace does not fill the store's queue and make the others wait.
    for (let from = 0; from < living.length; from += portion) {
      const some = living.slice(from, from + portion);
      await Promise.all(
        some.map(({ metadata }) =>
          client
            .delete(resource, metadata?.name ?? '', namespace, { propagationPolicy: 'Background' })
            .catch(ignoreGone),
        ),
      );
    }
    return items.length === 0 ? 0 : (await client.list(resource, { namespace })).items.length;
  }

  const enqueue = (namespace: Namespace) => queue.add(keyOf(namespace));
  informers.of('namespaces').on({ add: enqueue, update: enqueue });
  // The last pod ends its namespace at once, not at the next poll.
  informers.of('pods').on({ delete: ({ metadata }) => queue.add(metadata?.namespace ?? '') });
  return queue;
}
