import { messageOf } from '@skyarc/lib/errors';
import type { KubeObject } from '../../client/index.ts';
import { compareResourceVersions, keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ignoreGone, isNamespaceEnding, isTaken } from '../failures.ts';
import { timestamp, type CronJob, type Job } from '../kinds.ts';
import { controllerOf, controllerReference } from '../owners.ts';
import { sameJson } from '../same.ts';
import { jobName, planCronJob, type Note } from './plan.ts';

const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** Starts a Job at each time of a CronJob's schedule, once, and keeps the history within its limits. */
export function cronJobController(context: ControllerContext): Controller {
  return new CronJobController(context);
}

class CronJobController implements Controller {
  private readonly context: ControllerContext;
  private readonly queue: WorkQueue;
  /** Resource version of our last status write by key: an older cache knows less than we did. */
  private readonly written = new Map<string, string>();

  constructor(context: ControllerContext) {
    this.context = context;
    const { config, log, informers } = context;
    this.queue = new WorkQueue({
      name: 'cronjob',
      workers: config.workers,
      log,
      handle: (key) => this.reconcile(key),
    });
    const enqueue = (cron: CronJob) => this.queue.add(keyOf(cron));
    informers.of('cronjobs').on({
      add: enqueue,
      update: enqueue,
      delete: (cron) => this.written.delete(keyOf(cron)),
    });
    const enqueueOwner = (job: Job) => {
      const owner = controllerOf(job);
      if (owner?.kind === 'CronJob') this.queue.add(`${job.metadata?.namespace ?? ''}/${owner.name}`);
    };
    informers.of('jobs').on({ add: enqueueOwner, update: enqueueOwner, delete: enqueueOwner });
  }

  start(): void {
    this.queue.start();
  }

  async stop(): Promise<void> {
    await this.queue.stop();
  }

  private async reconcile(key: string): Promise<void> {
    const { client, informers } = this.context;
    const cron = informers.store('cronjobs').get(key);
    if (!cron || compareResourceVersions(cron.metadata?.resourceVersion, this.written.get(key)) < 0) return;
    const { uid = '' } = cron.metadata ?? {};
    const jobs = informers
      .store('jobs')
      .by('owner', uid)
      .filter((job) => controllerOf(job)?.uid === uid);
    const plan = planCronJob({ cron, jobs, now: Date.now() });
    for (const note of plan.notes) this.tell(cron, note);
    for (const job of plan.forget) await this.delete(job);
    for (const job of plan.replace) {
      await this.delete(job);
      this.tell(cron, {
        type: 'Normal',
        reason: 'SuccessfulDelete',
        message: `Deleted job ${job.metadata?.name ?? ''}`,
      });
    }
    let { status } = plan;
    if (plan.startAtMs !== undefined) {
      const job = await this.startJob(cron, plan.startAtMs);
      if (job) {
        const { name, namespace, uid: jobUid, resourceVersion } = job.metadata ?? {};
        const reference = {
          apiVersion: 'batch/v1',
          kind: 'Job',
          name,
          namespace,
          uid: jobUid,
          resourceVersion,
        };
        const replaced = new Set(plan.replace.map(({ metadata }) => metadata?.uid));
        const others = (status.active ?? []).filter((each) => !replaced.has(each.uid));
        status = { ...status, active: [...others, reference], lastScheduleTime: timestamp(plan.startAtMs) };
      }
    }
    if (!sameJson(status, cron.status)) {
      const next = await client.updateStatus('cronjobs', { ...cron, status });
      this.written.set(key, next.metadata?.resourceVersion ?? '');
    }
    if (plan.againAfterMs !== undefined) this.queue.addAfter(key, plan.againAfterMs);
  }

  /** The new Job, or the one of the same minute that was made before; undefined when the namespace ends. */
  private async startJob(cron: CronJob, scheduledMs: number): Promise<Job | undefined> {
    const { client } = this.context;
    const wanted = renderJob(cron, scheduledMs);
    const { name = '', namespace } = wanted.metadata ?? {};
    try {
      const job = await client.create('jobs', wanted);
      this.tell(cron, { type: 'Normal', reason: 'SuccessfulCreate', message: `Created job ${name}` });
      return job;
    } catch (error) {
      if (isNamespaceEnding(error)) return undefined;
      const taken = isTaken(error) ? await client.find('jobs', name, namespace) : null;
      if (taken && controllerOf(taken)?.uid === cron.metadata?.uid) return taken;
      const message = `Error creating job: ${messageOf(error)}`;
      this.tell(cron, { type: 'Warning', reason: 'FailedCreate', message });
      throw error;
    }
  }

  private async delete({ metadata }: KubeObject): Promise<void> {
    const { name = '', namespace, uid } = metadata ?? {};
    const options = { uid, propagationPolicy: 'Background' } as const;
    await this.context.client.delete('jobs', name, namespace, options).catch(ignoreGone);
  }

  private tell(cron: CronJob, note: Note): void {
    const about = { ...cron, kind: 'CronJob', apiVersion: 'batch/v1' };
    this.context.events.record({ about, ...note });
  }
}

function renderJob(cron: CronJob, scheduledMs: number): Job {
  const { metadata, spec } = structuredClone(cron.spec?.jobTemplate) ?? {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(cron, scheduledMs),
      namespace: cron.metadata?.namespace,
      labels: metadata?.labels,
      annotations: { ...metadata?.annotations, [scheduledAnnotation]: timestamp(scheduledMs) },
      ownerReferences: [controllerReference('cronjobs', cron)],
    },
    spec,
  };
}
