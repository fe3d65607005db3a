import { AppError, messageOf } from '@skyarc/lib/errors';
import { compareResourceVersions, keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { Expectations } from '../expectations.ts';
import { ignoreGone, isNamespaceEnding } from '../failures.ts';
import type { Job, Pod } from '../kinds.ts';
import { controllerOf } from '../owners.ts';
import { sameJson } from '../same.ts';
import { slowStart } from '../slow-start.ts';
import { conditionOf, finishOf } from './conditions.ts';
import { isTracked, trackingFinalizer } from './counting.ts';
import { planJob, timeToLiveMs, type JobPlan } from './plan.ts';
import { renderPod } from './render.ts';

/** Pods made in one round, as in Kubernetes. */
const burst = 500;

/** Runs pods to completion: as many at once and in all as a Job asks for, each end counted exactly once. */
export function jobController(context: ControllerContext): Controller {
  return new JobController(context);
}

class JobController implements Controller {
  private readonly context: ControllerContext;
  private readonly expectations = new Expectations();
  private readonly queue: WorkQueue;
  /** Pods that wait for a Job that is gone. */
  private readonly orphans: WorkQueue;
  /** Resource version of our last status write by key: what the cache shows of before is not news. */
  private readonly written = new Map<string, string>();

  constructor(context: ControllerContext) {
    this.context = context;
    const { config, log, informers } = context;
    this.queue = new WorkQueue({
      name: 'job',
      workers: config.workers,
      log,
      handle: (key) => this.reconcile(key),
    });
    this.orphans = new WorkQueue({ name: 'job-orphan', log, handle: (key) => this.releaseOrphan(key) });
    const enqueue = (job: Job) => this.queue.add(keyOf(job));
    informers.of('jobs').on({
      add: enqueue,
      update: enqueue,
      delete: (job) => {
        this.expectations.forget(keyOf(job));
        this.written.delete(keyOf(job));
        for (const pod of this.podsOf(job)) this.orphans.add(keyOf(pod));
      },
    });
    informers.of('pods').on({
      add: (pod) => {
        if (pod.metadata?.deletionTimestamp) this.podGoing(pod);
        else this.podChanged(pod, (key) => this.expectations.creationSeen(key));
      },
      update: (pod, old) => {
        if (pod.metadata?.deletionTimestamp && !old.metadata?.deletionTimestamp) this.podGoing(pod);
        else this.podChanged(pod);
      },
      delete: (pod) => this.podGoing(pod),
    });
  }

  start(): void {
    this.queue.start();
    this.orphans.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.queue.stop(), this.orphans.stop()]);
  }

  private podGoing(pod: Pod): void {
    this.podChanged(pod, (key) => this.expectations.deletionSeen(key, pod.metadata?.uid ?? ''));
  }

  private podChanged(pod: Pod, seen?: (jobKey: string) => void): void {
    const owner = controllerOf(pod);
    if (owner?.kind !== 'Job') {
      // Orphaned on purpose (--cascade=orphan): nobody counts it any more.
      if (!owner && isTracked(pod)) this.orphans.add(keyOf(pod));
      return;
    }
    const key = `${pod.metadata?.namespace ?? ''}/${owner.name}`;
    const job = this.context.informers.store('jobs').get(key);
    if (job?.metadata?.uid === owner.uid) {
      seen?.(key);
      this.queue.add(key);
    } else if (isTracked(pod)) this.orphans.add(keyOf(pod));
  }

  private podsOf({ metadata }: Job): Pod[] {
    return this.context.informers
      .store('pods')
      .by('owner', metadata?.uid ?? '')
      .filter((pod) => controllerOf(pod)?.uid === metadata?.uid);
  }

  private async reconcile(key: string): Promise<void> {
    const job = this.context.informers.store('jobs').get(key);
    if (!job || isManagedElsewhere(job)) return;
    // Seen through an old status a released pod would be missed and made again: its own event comes soon.
    if (compareResourceVersions(job.metadata?.resourceVersion, this.written.get(key)) < 0) return;
    const now = Date.now();
    const pods = this.podsOf(job);
    if (finishOf(job)) {
      await this.release(pods.filter(isTracked));
      await this.expire(key, job, now);
      return;
    }
    const { backoffMs: baseMs, maxBackoffMs: maxMs } = this.context.config.jobs;
    const plan = planJob({ job, pods, backoff: { baseMs, maxMs }, now });
    let failure: unknown;
    if (this.expectations.satisfied(key)) failure = await this.carryOut(key, job, plan);
    else this.queue.addAfter(key, 30_000);
    if (!sameJson(plan.status, job.status)) await this.write(key, job, plan);
    await this.release(plan.release);
    if (plan.againAfterMs !== undefined) this.queue.addAfter(key, plan.againAfterMs);
    if (failure !== undefined) throw failure;
  }

  private async carryOut(key: string, job: Job, plan: JobPlan): Promise<unknown> {
    const leaving = [...plan.surplus, ...plan.doomed];
    if (leaving.length > 0) return await this.deletePods(key, job, { plan, leaving });
    const indexes = typeof plan.create === 'number' ? undefined : plan.create;
    const count = Math.min(burst, typeof plan.create === 'number' ? plan.create : plan.create.length);
    if (count === 0) return undefined;
    this.expectations.expectCreations(key, count);
    let next = 0;
    const { done, error } = await slowStart(count, async () => {
      const pod = renderPod(job, indexes?.[next++]);
      const created = await this.context.client.create('pods', pod);
      this.tell(job, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata?.name ?? ''}`);
    });
    for (let skipped = done; skipped < count; skipped += 1) this.expectations.creationSeen(key);
    if (error === undefined || isNamespaceEnding(error)) return undefined;
    this.tell(job, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
    return error;
  }

  private async deletePods(
    key: string,
    job: Job,
    { plan, leaving }: { plan: JobPlan; leaving: readonly Pod[] },
  ): Promise<unknown> {
    const uids = leaving.map((pod) => pod.metadata?.uid ?? '');
    this.expectations.expectDeletions(key, uids);
    // Surplus pods have done nothing wrong: without the finalizer their end is not counted.
    await this.release(plan.surplus.filter(isTracked));
    const results = await Promise.allSettled(
      leaving.map(async ({ metadata }) => {
        const { name = '', namespace, uid = '' } = metadata ?? {};
        try {
          await this.context.client.delete('pods', name, namespace, { uid });
          this.tell(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
        } catch (error) {
          this.expectations.deletionSeen(key, uid);
          ignoreGone(error);
        }
      }),
    );
    return results.find((result) => result.status === 'rejected')?.reason as unknown;
  }

  /** Throws CONFLICT when a pod lost its finalizer in the API: it is counted already, and the cache is old. */
  private async checkTracked({ metadata }: Pod): Promise<void> {
    const { name = '', namespace, uid } = metadata ?? {};
    const pod = await this.context.client.find('pods', name, namespace);
    if (pod?.metadata?.uid === uid && pod && isTracked(pod)) return;
    throw new AppError('CONFLICT', `Cannot count pod "${name}": it was released meanwhile`);
  }

  private async write(key: string, job: Job, { status, added }: JobPlan): Promise<void> {
    await Promise.all(added.map((pod) => this.checkTracked(pod)));
    const next = await this.context.client.updateStatus('jobs', { ...job, status });
    this.written.set(key, next.metadata?.resourceVersion ?? '');
    const finished = finishOf(next);
    if (finished) {
      const isComplete = finished.type === 'Complete';
      if (isComplete) this.tell(job, 'Normal', 'Completed', 'Job completed');
      else this.tell(job, 'Warning', finished.reason ?? 'Failed', finished.message ?? '');
    }
    const [was, is] = [conditionOf(job, 'Suspended'), conditionOf(next, 'Suspended')];
    if (is && is.status !== (was?.status ?? 'False')) {
      const isSuspended = is.status === 'True';
      this.tell(job, 'Normal', isSuspended ? 'Suspended' : 'Resumed', is.message ?? '');
    }
  }

  private async release(pods: readonly Pod[]): Promise<void> {
    await Promise.all(
      pods.map(async ({ metadata }) => {
        const { name = '', namespace, uid, resourceVersion, finalizers = [] } = metadata ?? {};
        const rest = finalizers.filter((finalizer) => finalizer !== trackingFinalizer);
        await this.context.client
          .patch('pods', name, namespace, { metadata: { uid, resourceVersion, finalizers: rest } })
          .catch(ignoreGone);
      }),
    );
  }

  private async releaseOrphan(key: string): Promise<void> {
    const pod = this.context.informers.store('pods').get(key);
    const owner = pod && controllerOf(pod);
    if (!pod || !isTracked(pod)) return;
    if (owner) {
      // A cache may lag behind a new Job: ask the API before its pod goes uncounted.
      const job = await this.context.client.find('jobs', owner.name, pod.metadata?.namespace);
      if (job?.metadata?.uid === owner.uid) return;
    }
    await this.release([pod]);
  }

  /** Deletes a finished Job when its time is over. */
  private async expire(key: string, job: Job, now: number): Promise<void> {
    const leftMs = timeToLiveMs(job, now);
    if (leftMs === undefined || job.metadata?.deletionTimestamp) return;
    if (leftMs > 0) {
      this.queue.addAfter(key, leftMs);
      return;
    }
    const { name = '', namespace, uid } = job.metadata ?? {};
    const options = { uid, propagationPolicy: 'Foreground' } as const;
    await this.context.client.delete('jobs', name, namespace, options).catch(ignoreGone);
  }

  private tell(job: Job, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const about = { ...job, kind: 'Job', apiVersion: 'batch/v1' };
    this.context.events.record({ about, type, reason, message });
  }
}

function isManagedElsewhere({ spec }: Job): boolean {
  return spec?.managedBy !== undefined && spec.managedBy !== 'kubernetes.io/job-controller';
}
