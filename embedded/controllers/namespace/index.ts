import { messageOf } from '@skyarc/lib/errors';
import { keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ignoreGone, isNamespaceEnding, isTaken } from '../failures.ts';
import { kinds, resources, type Namespace } from '../kinds.ts';

const rootCertificateName = 'kube-root-ca.crt';
const namespaced = resources.filter((resource) => kinds[resource].namespaced);

/** Gives every namespace what pods expect in it, and empties a namespace that is being deleted. */
export function namespaceController(context: ControllerContext): Controller {
  const { client, informers, config, log } = context;
  const namespaces = informers.store('namespaces');
  const queue = new WorkQueue({ name: 'namespace', workers: config.workers, log, handle: reconcile });

  async function reconcile(key: string): Promise<void> {
    const namespace = namespaces.get(key);
    if (!namespace) return;
    if (namespace.metadata?.deletionTimestamp) await empty(key, namespace);
    else await furnish(key);
  }

  async function furnish(name: string): Promise<void> {
    if (!informers.store('serviceaccounts').get(`${name}/default`)) {
      const metadata = { name: 'default', namespace: name };
      await client
        .create('serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata })
        .catch(ignoreRefused);
    }
    const { rootCertificate } = config;
    if (rootCertificate === undefined) return;
    const data = { 'ca.crt': rootCertificate };
    const known = informers.store('configmaps').get(`${name}/${rootCertificateName}`);
    if (known?.data?.['ca.crt'] === rootCertificate) return;
    const metadata = { name: rootCertificateName, namespace: name };
    if (known) await client.patch('configmaps', rootCertificateName, name, { data });
    else
      await client
        .create('configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data })
        .catch(ignoreRefused);
  }

  async function empty(name: string, namespace: Namespace): Promise<void> {
    const counts = await Promise.all(
      namespaced.map(async (resource) => {
        // Asked of the API and not of the cache: what the cache misses would be left behind for ever.
        const { items } = await client.list(resource, { namespace: name });
        await Promise.all(
          items
            .filter(({ metadata }) => !metadata?.deletionTimestamp)
            .map(({ metadata }) =>
              client
                .delete(resource, metadata?.name ?? '', name, { propagationPolicy: 'Background' })
                .catch(ignoreGone),
            ),
        );
        return (await client.list(resource, { namespace: name })).items.length;
      }),
    );
    const left = counts.reduce((sum, count) => sum + count, 0);
    if (left > 0) {
      log.debug({ namespace: name, left }, 'namespace not empty yet');
      queue.addAfter(name, 500);
      return;
    }
    await dropFinalizer(namespace);
  }

  async function dropFinalizer(namespace: Namespace): Promise<void> {
    const finalizers = namespace.spec?.finalizers?.filter((finalizer) => finalizer !== 'kubernetes');
    await client
      .update('namespaces', { ...namespace, spec: { ...namespace.spec, finalizers } })
      .catch(ignoreGone);
  }

  const enqueue = (namespace: Namespace) => queue.add(keyOf(namespace));
  informers.of('namespaces').on({ add: enqueue, update: enqueue });
  const enqueueHome = (object: { metadata?: { namespace?: string } }) =>
    queue.add(object.metadata?.namespace ?? '');
  informers.of('serviceaccounts').on({
    delete: (account) => account.metadata?.name === 'default' && enqueueHome(account),
  });
  const enqueueRoot = (map: { metadata?: { name?: string; namespace?: string } }) => {
    if (map.metadata?.name === rootCertificateName) enqueueHome(map);
  };
  informers.of('configmaps').on({ update: enqueueRoot, delete: enqueueRoot });
  // The last pod of a namespace ends it at once, not at the next poll.
  informers.of('pods').on({
    delete: ({ metadata }) => {
      if (namespaces.get(metadata?.namespace ?? '')?.metadata?.deletionTimestamp) enqueueHome({ metadata });
    },
  });
  return queue;

  function ignoreRefused(error: unknown): void {
    if (isTaken(error) || isNamespaceEnding(error)) return;
    log.debug({ reason: messageOf(error) }, 'namespace not furnished');
    throw error;
  }
}
