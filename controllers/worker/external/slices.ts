import { ensureObject, type KubeClient } from '@skyarc/lib/kube';
import { labels } from '@skyarc/lib/contracts';
import { renderExternalSlices, sliceManager } from '../render/external.ts';
import type { ExternalMonitor } from './monitor.ts';

const managerLabel = 'endpointslice.kubernetes.io/managed-by';

/** Makes the cluster offer what a monitor knows. */
export async function writeSlices(
  kube: KubeClient,
  { spec, offered, state }: ExternalMonitor,
): Promise<void> {
  const slices = renderExternalSlices(spec, offered, state);
  for (const slice of slices) await ensureObject(kube, 'endpointslices', slice);
  const kept = new Set(slices.map(({ metadata }) => metadata?.name));
  await removeSlices(kube, spec, (name) => !kept.has(name));
}

/** Takes an app's endpoints out of the cluster. */
export async function removeSlices(
  kube: KubeClient,
  app: { readonly id: string; readonly namespace: string },
  isUnwanted: (name: string) => boolean = () => true,
): Promise<void> {
  const { items } = await kube.list('endpointslices', {
    namespace: app.namespace,
    labelSelector: `${labels.appId}=${app.id},${managerLabel}=${sliceManager}`,
  });
  for (const { metadata } of items) {
    const name = metadata?.name ?? '';
    if (isUnwanted(name)) await kube.delete('endpointslices', name, app.namespace);
  }
}
