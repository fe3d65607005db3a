import { dataCenterOf, job as jobSettings, labels, managedByValue, newId } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import { Informer, type KindTable } from '@skyarc/lib/kube';
import { repeat } from '@skyarc/lib/retry';
import type { WorkerContext } from '../context.ts';
import type { Pod } from '../diagnose/index.ts';
import { operationLabel } from '../render/labels.ts';
import { endOf, type JobEnd } from './end.ts';
import { explainEnd } from './explain.ts';

type Job = KindTable['jobs'];

/** How often runs are compared with their Jobs; the cluster tells of changes at once, but not of what we missed. */
const compareEveryMs = 30_000;
/** Runs of one app that are remembered. */
const keptRuns = 500;

/**
 * Writes down every run of every job, so that it is known when its Job and pods are gone. Workers beside each
 * other write the same, and each write may be repeated.
 */
export class JobRecorder {
  private readonly context: WorkerContext;
  private readonly jobs: Informer<'jobs'>;
  private readonly stopping = new AbortController();
  private readonly writing = new Map<string, Promise<void>>();
  /** Runs that had no Job at the last comparison. */
  private lost: ReadonlySet<string> = new Set();
  private loop: Promise<void> = Promise.resolve();

  constructor(context: WorkerContext) {
    this.context = context;
    const labelSelector = `${labels.managedBy}=${managedByValue},${labels.appId}`;
    this.jobs = new Informer(context.kube, 'jobs', { log: context.log, labelSelector });
    this.jobs.onChange((now, before) => this.later(now ?? before, now === undefined));
  }

  start(): void {
    this.loop = this.compareRegularly();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all([this.jobs.stop(), this.loop, ...this.writing.values()]);
  }

  /** One write after the other for each run, in the order in which the cluster told. */
  private later(job: Job | undefined, isGone: boolean): void {
    const uid = job?.metadata?.uid;
    if (!job || !uid) return;
    const before = this.writing.get(uid) ?? Promise.resolve();
    const mine = before
      .then(() => this.record(job, isGone))
      .catch((error: unknown) =>
        this.context.log.warn(
          { job: job.metadata?.name, reason: messageOf(error) },
          'a run is not recorded yet',
        ),
      )
      .finally(() => {
        if (this.writing.get(uid) === mine) this.writing.delete(uid);
      });
    this.writing.set(uid, mine);
  }

  private async record(job: Job, isGone: boolean): Promise<void> {
    const { db, sink } = this.context;
    const { name = '', labels: found = {}, creationTimestamp } = job.metadata ?? {};
    const appId = found[labels.appId] ?? '';
    const app = await db.app.findUnique({ where: { id: appId }, select: { id: true, teamName: true } });
    if (!app) return;
    const known = await db.jobRun.findUnique({ where: { appId_name: { appId, name } } });
    if (known && known.status !== 'RUNNING') return;
    const result = await this.resultOf(job, isGone);
    if (known && !result) return;
    if (!known) {
      const startedAt = new Date(job.status?.startTime ?? creationTimestamp ?? Date.now());
      const trigger = found[operationLabel] ? 'MANUAL' : 'SCHEDULE';
      const id = newId(dataCenterOf(appId) ?? 'local', 'jobrun');
      const row = { id, appId, name, trigger, startedAt, ...result };
      // Another worker may be first.
      await db.jobRun.upsert({ where: { appId_name: { appId, name } }, create: row, update: {} });
      await this.forgetOld(appId);
    } else if (result) {
      await db.jobRun.updateMany({ where: { id: known.id, status: 'RUNNING' }, data: result });
    }
    sink.notify(app.teamName, { kind: 'app', id: appId, appId });
  }

  private async resultOf(job: Job, isGone: boolean) {
    const end = endOf(job);
    if (!end) {
      const message = 'The run was ended before it was done';
      return isGone ? { status: 'FAILED', finishedAt: new Date(), message } : null;
    }
    const message = end.status === 'FAILED' ? explainEnd(job, await this.podsOf(job)) : null;
    return { status: end.status, finishedAt: end.at, message };
  }

  private async podsOf({ metadata }: Job): Promise<Pod[]> {
    const labelSelector = `batch.kubernetes.io/job-name=${metadata?.name}`;
    const { items } = await this.context.kube.list('pods', { namespace: metadata?.namespace, labelSelector });
    return items;
  }

  private async forgetOld(appId: string): Promise<void> {
    const { db } = this.context;
    const old = await db.jobRun.findMany({
      where: { appId, status: { not: 'RUNNING' } },
      orderBy: { startedAt: 'desc' },
      skip: keptRuns,
      select: { id: true },
    });
    if (old.length > 0) await db.jobRun.deleteMany({ where: { id: { in: old.map(({ id }) => id) } } });
  }

  private async compareRegularly(): Promise<void> {
    await this.jobs.start();
    await repeat(() => this.compare(), {
      everyMs: compareEveryMs,
      signal: this.stopping.signal,
      onError: (error) => this.context.log.warn({ reason: messageOf(error) }, 'cannot compare runs'),
    });
  }

  /** Runs whose Jobs went while nobody looked, and Jobs by hand beyond what is to be kept. */
  private async compare(): Promise<void> {
    const { db, kube } = this.context;
    const running = await db.jobRun.findMany({
      where: { status: 'RUNNING' },
      include: { app: { include: { team: true } } },
    });
    const lost = new Set<string>();
    for (const { id, name, app } of running) {
      if (await kube.find('jobs', name, app.team.namespace)) continue;
      lost.add(id);
      // What the cluster tells of its end may be on its way still.
      if (!this.lost.has(id)) continue;
      await db.jobRun.updateMany({
        where: { id, status: 'RUNNING' },
        data: { status: 'FAILED', finishedAt: new Date(), message: 'The run was removed before it ended' },
      });
    }
    this.lost = lost;
    for (const job of this.jobs.list()) this.later(job, false);
    const byApp = Map.groupBy(this.jobs.list(), ({ metadata }) => metadata?.labels?.[labels.appId] ?? '');
    for (const [appId, jobs] of byApp) await this.removeOld(appId, jobs);
  }

  /** The cluster counts the runs of a schedule by itself, not those by hand. */
  private async removeOld(appId: string, jobs: readonly Job[]): Promise<void> {
    const app = await this.context.db.app.findUnique({ where: { id: appId }, select: { job: true } });
    const { keepSucceeded, keepFailed } = jobSettings.parse(JSON.parse(app?.job ?? '{}'));
    const ended = jobs
      .flatMap((job) => {
        const end = job.metadata?.labels?.[operationLabel] ? endOf(job) : null;
        return end ? [{ job, end }] : [];
      })
      .toSorted((a, b) => b.end.at.getTime() - a.end.at.getTime());
    const beyond = (status: JobEnd['status'], keep: number) =>
      ended.filter(({ end }) => end.status === status).slice(keep);
    for (const { job } of [...beyond('SUCCEEDED', keepSucceeded), ...beyond('FAILED', keepFailed)]) {
      const { name = '', namespace, uid } = job.metadata ?? {};
      await this.context.kube.delete('jobs', name, namespace, {
        propagationPolicy: 'Background',
        preconditions: { uid },
      });
    }
  }
}
