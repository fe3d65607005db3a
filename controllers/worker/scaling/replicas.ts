import type { KubeClient } from '@skyarc/lib/kube';
import type { Rendered, Workload } from '../render/app.ts';

/**
 * A workload whose number of pods is left to a rule, with the number that it has now, brought within the rule's
 * bounds: whoever writes the object neither takes back what the rule did nor leaves a stopped app at nothing.
 */
export async function bindReplicas(
  kube: KubeClient,
  workload: Workload,
  objects: readonly Rendered[],
): Promise<Workload> {
  const { name = '', namespace } = workload.object.metadata ?? {};
  if (!workload.object.spec || workload.object.spec.replicas !== undefined) return workload;
  const rule = objects.find(
    ({ resource, object }) => resource === 'horizontalpodautoscalers' && object.metadata?.name === name,
  ) as Extract<Rendered, { resource: 'horizontalpodautoscalers' }> | undefined;
  const { minReplicas = 1, maxReplicas = minReplicas } = rule?.object.spec ?? {};
  const live = await kube.find(workload.resource, name, namespace);
  const replicas = Math.min(maxReplicas, Math.max(minReplicas, live?.spec?.replicas ?? minReplicas));
  const object = { ...workload.object, spec: { ...workload.object.spec, replicas } };
  return { ...workload, object } as Workload;
}
