import { AppError, messageOf } from '@skyarc/lib/errors';
import { WorkQueue } from '../client/work-queue.ts';
import { minCpuShares, weighTiers } from './cgroup.ts';
import type { KubeletContext, NodeContext } from './context.ts';
import { hasEnded, identityOf, qosClassOf, type Pod, type PodIdentity } from './pod.ts';
import { PodWorker } from './pod-worker.ts';
import { podCpuSharesOf, sharesOf } from './render/resources.ts';

/** How soon a pod is looked at again when engine or store are away. */
const awayMs = 1_500;

/** The pods of this node, each with its worker, and the queue that has them work. */
export class PodSet {
  private readonly workers = new Map<string, PodWorker>();
  private readonly queue: WorkQueue;
  private readonly context: KubeletContext;
  private readonly refusalOf: (pod: Pod) => string | undefined;

  /** `refusalOf` says why a new pod may not start now. */
  constructor(context: NodeContext, refusalOf: (pod: Pod) => string | undefined) {
    this.context = { ...context, requeue: (uid, delayMs = 0) => this.queue.addAfter(uid, delayMs) };
    this.refusalOf = refusalOf;
    const { config, log } = context;
    this.queue = new WorkQueue({
      name: 'pods',
      workers: config.workers,
      log,
      baseDelayMs: 200,
      maxDelayMs: 20_000,
      handle: (uid) => this.handle(uid),
    });
  }

  start(): void {
    this.queue.start();
  }

  stop(): Promise<void> {
    return this.queue.stop();
  }

  has(uid: string): boolean {
    return this.workers.has(uid);
  }

  get uids(): Iterable<string> {
    return this.workers.keys();
  }

  /** The pods' objects as their workers know them. */
  get objects(): Pod[] {
    return [...this.workers.values()].map(({ object }) => object);
  }

  /** A pod, or a newer version of one. */
  offer(pod: Pod): void {
    const { uid } = identityOf(pod);
    const worker = this.workers.get(uid);
    if (worker) worker.update(pod);
    else this.admit(pod);
    this.queue.add(uid);
  }

  /** The pod's object is gone. */
  drop(pod: Pod): void {
    const { uid } = identityOf(pod);
    this.workers.get(uid)?.remove();
    this.queue.add(uid);
  }

  /** Ends what the runtime still has of a pod that the API does not know. */
  bury({ namespace, name, uid }: PodIdentity): void {
    this.context.log.info({ pod: `${namespace}/${name}` }, 'ending a pod that the API no longer knows');
    const worker = new PodWorker(this.context, {
      metadata: { namespace, name, uid },
      spec: { containers: [] },
    });
    worker.remove();
    this.workers.set(uid, worker);
    this.queue.add(uid);
  }

  /** Fails a pod with reason Evicted, unless it is ending already. */
  evict(pod: Pod, message: string): void {
    const { uid, namespace, name } = identityOf(pod);
    if (!this.workers.get(uid)?.evict(message)) return;
    this.context.log.warn({ pod: `${namespace}/${name}`, reason: message }, 'evicting a pod');
    this.context.record(pod, 'Warning', 'Evicted', message.trim());
    this.queue.add(uid);
  }

  /** Has a pod looked at now. */
  look(uid: string): void {
    this.queue.add(uid);
  }

  lookAtAll(): void {
    for (const uid of this.workers.keys()) this.queue.add(uid);
  }

  private admit(pod: Pod): void {
    const worker = new PodWorker(this.context, pod);
    this.workers.set(identityOf(pod).uid, worker);
    // A pod with a start time was admitted by an earlier process.
    const isNew = !pod.status?.startTime && !pod.metadata?.deletionTimestamp && !hasEnded(pod);
    const refusal = isNew ? this.refusalOf(pod) : undefined;
    if (refusal !== undefined) this.evict(pod, refusal);
    this.weighTiers();
  }

  private async handle(uid: string): Promise<void> {
    const worker = this.workers.get(uid);
    try {
      await worker?.sync();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'UNAVAILABLE') throw error;
      // The engine or the store is away, which is logged where it is noticed: no word for each pod.
      this.queue.addAfter(uid, awayMs);
    }
    if (!worker?.isDone) return;
    this.workers.delete(uid);
    this.weighTiers();
  }

  /** Gives the Burstable pods together the share of the processors that they ask for. */
  private weighTiers(): void {
    this.weighNow().catch((error: unknown) =>
      this.context.log.warn({ reason: messageOf(error) }, 'cannot weigh the tiers of pods'),
    );
  }

  private async weighNow(): Promise<void> {
    const burstable = this.objects
      .filter((pod) => !hasEnded(pod) && qosClassOf(pod) === 'Burstable')
      .reduce((sum, pod) => sum + podCpuSharesOf(pod), minCpuShares);
    const { instance, node } = this.context;
    await weighTiers(instance, { all: sharesOf(node.cpus), burstable });
  }
}
