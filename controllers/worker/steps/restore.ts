import { type AppRef, findDeployed } from '../deployed.ts';
import type { WorkerContext } from '../context.ts';
import { isReady } from '../diagnose/index.ts';
import { workloadAmong } from '../render/app.ts';
import { templateLabel } from '../render/labels.ts';
import { applyObjects, listPods, pruneObjects, removeObjects } from './objects.ts';

/** Brings the cluster back to what last worked; an app that never worked leaves nothing. */
export async function restore({ kube }: WorkerContext, app: AppRef): Promise<'previous' | 'nothing'> {
  const deployed = await findDeployed(kube, app);
  if (!deployed) {
    await removeObjects(kube, app);
    return 'nothing';
  }
  await applyObjects(kube, deployed, { mayCreateClaims: false });
  await pruneObjects(kube, app, deployed);
  const workload = workloadAmong(deployed);
  if (workload?.resource === 'statefulsets') {
    // A StatefulSet waits for ever for a pod of a template that is gone (kubernetes #67250).
    const wanted = workload.object.metadata?.labels?.[templateLabel];
    for (const pod of await listPods(kube, app)) {
      if (isReady(pod) || pod.metadata?.labels?.[templateLabel] === wanted) continue;
      await kube.delete('pods', pod.metadata?.name ?? '', app.namespace);
    }
  }
  return 'previous';
}
