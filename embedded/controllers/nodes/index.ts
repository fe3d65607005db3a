import { keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ignoreGone } from '../failures.ts';
import { timestamp, type Node } from '../kinds.ts';

const leaseNamespace = 'kube-node-lease';

/**
 * Marks a node NotReady when its Lease is not renewed. The age of a Lease is measured from when its
 * renewal was seen here, so that neither clock differences nor our own absence make a node look dead.
 */
export function nodeController(context: ControllerContext): Controller {
  const { client, informers, config, log } = context;
  const { graceMs, checkEveryMs } = config.nodes;
  const nodes = informers.store('nodes');
  const leases = informers.store('leases');
  const seen = new Map<string, { renewTime: string | undefined; atMs: number }>();
  const queue = new WorkQueue({ name: 'node', log, handle: reconcile });

  async function reconcile(name: string): Promise<void> {
    const node = nodes.get(name);
    if (!node) {
      seen.delete(name);
      return;
    }
    queue.addAfter(name, checkEveryMs);
    if (silentForMs(name) <= graceMs) return;
    const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status === 'Unknown') return;
    log.warn({ node: name }, 'node stopped posting status');
    const now = timestamp();
    const unknown = {
      ...ready,
      type: 'Ready',
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: now,
    };
    const others = (node.status?.conditions ?? []).filter(({ type }) => type !== 'Ready');
    const status = { ...node.status, conditions: [...others, unknown] };
    await client.updateStatus('nodes', { ...node, status }).catch(ignoreGone);
    const about = { ...node, kind: 'Node', apiVersion: 'v1' };
    context.events.record({
      about,
      type: 'Normal',
      reason: 'NodeNotReady',
      message: `Node ${name} status is now: NodeNotReady`,
    });
  }

  function silentForMs(name: string): number {
    const renewTime = leases.get(`${leaseNamespace}/${name}`)?.spec?.renewTime;
    const last = seen.get(name);
    if (last && last.renewTime === renewTime) return performance.now() - last.atMs;
    seen.set(name, { renewTime, atMs: performance.now() });
    return 0;
  }

  const enqueue = (node: Node) => queue.add(keyOf(node));
  informers.of('nodes').on({ add: enqueue });
  informers.of('leases');
  return queue;
}
