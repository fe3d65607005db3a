import {
  type DrainProgress,
  drainAnnotation,
  drainProgress,
  drainProgressAnnotation,
  drainRequest,
  parseStored,
} from '@skyarc/lib/contracts';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { type KindTable, type KubeClient } from '@skyarc/lib/kube';

type Node = KindTable['nodes'];
type Pod = KindTable['pods'];

const maxBlockers = 20;
const cordon = { spec: { unschedulable: true } };

/**
 * One pass over a node that is to be drained: keeps new pods away, asks for the eviction of those that can
 * go, and says how far it is. A disruption budget that refuses is asked again at the next pass. Pods of a
 * DaemonSet, static pods and pods that have ended stay.
 */
export async function drain(kube: KubeClient, node: Node): Promise<void> {
  const request = parseStored(drainRequest, node.metadata?.annotations?.[drainAnnotation]);
  if (!request) return;
  const before = parseStored(drainProgress, node.metadata?.annotations?.[drainProgressAnnotation]);
  const isOver = before?.phase === 'DRAINED' && before.at === request.at;
  if (isOver) return;
  const name = node.metadata?.name ?? '';
  const cordoned = node.spec?.unschedulable ? node : await kube.patch('nodes', { name }, cordon);
  const { items } = await kube.list('pods', { fieldSelector: `spec.nodeName=${name}` });
  const leaving = items.filter(hasToGo);
  const blockers = (await Promise.all(leaving.map((pod) => evict(kube, pod)))).filter(
    (blocker) => blocker !== undefined,
  );
  const isDone = leaving.length === 0;
  const phase = blockers.length > 0 ? 'WAITING' : 'DRAINING';
  const progress: DrainProgress = {
    at: request.at,
    phase: isDone ? 'DRAINED' : phase,
    remaining: leaving.length,
    blockers: blockers.slice(0, maxBlockers).toSorted(),
    finishedAt: isDone ? new Date().toISOString() : null,
  };
  if (JSON.stringify(progress) === JSON.stringify(before)) return;
  // Of this very state: a drain that was called off meanwhile is not told of again.
  const { resourceVersion } = cordoned.metadata ?? {};
  const annotations = { [drainProgressAnnotation]: JSON.stringify(progress) };
  await kube.patch('nodes', { name }, { metadata: { resourceVersion, annotations } });
}

function hasToGo({ metadata, status }: Pod): boolean {
  const isOfNode =
    metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined ||
    metadata?.ownerReferences?.some(({ kind }) => kind === 'DaemonSet');
  const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return !isOfNode && !hasEnded;
}

/** Why the pod stays for now; undefined when it is on its way. */
async function evict(kube: KubeClient, { metadata }: Pod): Promise<string | undefined> {
  if (metadata?.deletionTimestamp) return undefined;
  const { name = '', namespace = '', uid } = metadata ?? {};
  try {
    await kube.evict(name, namespace, uid);
    return undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === 'UNAVAILABLE') throw error;
    return `${namespace}/${name}: ${messageOf(error).replace(/^Kubernetes refused POST \S+: /, '')}`;
  }
}
