import { messageOf } from '@skyarc/lib/errors';
import { repeat } from '@skyarc/lib/retry';
import type { AppLocks } from './app-locks.ts';
import type { WorkerContext } from './context.ts';
import { type AppRef, findDeployed, keepDeployed } from './deployed.ts';
import { isExternalRecord } from './external/record.ts';
import { readRunSpec } from './records.ts';
import { renderApp } from './render/app.ts';
import { applyObjects } from './steps/objects.ts';

const settleMs = 500;

/**
 * Keeps apps without an operation as the last one left them: what a hand removed or edited in the cluster
 * comes back, at once where the cluster tells, by regular comparison where it does not.
 */
export class DriftRepair {
  /** Objects written since the start. */
  repaired = 0;
  private readonly context: WorkerContext;
  private readonly locks: AppLocks;
  private readonly stopping = new AbortController();
  private readonly due = new Map<string, NodeJS.Timeout>();
  private loop: Promise<void> = Promise.resolve();

  constructor(context: WorkerContext, locks: AppLocks) {
    this.context = context;
    this.locks = locks;
  }

  start(): void {
    const stopListening = this.context.watch.onChange(({ appId, resource, isSpec }) => {
      if (isSpec && resource !== 'pods') this.soon(appId);
    });
    this.stopping.signal.addEventListener('abort', stopListening);
    this.loop = this.repairRegularly();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    for (const timer of this.due.values()) clearTimeout(timer);
    await this.loop;
  }

  private soon(appId: string): void {
    if (this.due.has(appId) || this.stopping.signal.aborted) return;
    const timer = setTimeout(() => {
      this.due.delete(appId);
      void this.repair(appId);
    }, settleMs);
    this.due.set(appId, timer);
  }

  private repairRegularly(): Promise<void> {
    return repeat(() => this.repairAll(), {
      everyMs: this.context.config.repairEveryMs,
      signal: this.stopping.signal,
      restsFirst: true,
      onError: (error) => this.warn('all', error),
    });
  }

  private async repairAll(): Promise<void> {
    const apps = await this.context.db.app.findMany({
      where: { OR: [{ currentVersionId: { not: null } }, isExternalRecord] },
      select: { id: true },
    });
    for (const { id } of apps) {
      if (this.stopping.signal.aborted) return;
      await this.repair(id);
    }
  }

  private async repair(appId: string): Promise<void> {
    try {
      await this.locks.with(appId, () => this.repairLocked(appId));
    } catch (error) {
      if (!this.stopping.signal.aborted) this.warn(appId, error);
    }
  }

  private async repairLocked(appId: string): Promise<void> {
    const { db, kube, log } = this.context;
    const app = await db.app.findUnique({ where: { id: appId }, include: { team: true } });
    // An operation that runs brings the app to where it should be by itself.
    if (!app || app.activeOperationId || app.deletedAt) return;
    const ref: AppRef = { id: app.id, name: app.name, team: app.teamName, namespace: app.team.namespace };
    const deployed = await findDeployed(kube, ref);
    if (!deployed && !app.currentVersionId) return;
    const objects = deployed ?? (await this.renderFromRecord(appId, app.desired));
    const writes = await applyObjects(kube, objects, { mayCreateClaims: false });
    if (!deployed) await keepDeployed(kube, ref, objects);
    if (writes === 0) return;
    this.repaired += writes;
    log.warn(
      { app: app.name, team: app.teamName, writes },
      'objects differed from what was deployed, repaired',
    );
  }

  private async renderFromRecord(appId: string, desired: string) {
    const { db, secretBox, renderOptions } = this.context;
    const spec = await readRunSpec(db, secretBox, {
      appId,
      restartedAt: null,
      isStopped: desired === 'STOPPED',
    });
    return renderApp(spec, renderOptions);
  }

  private warn(app: string, error: unknown): undefined {
    this.context.log.warn({ app, reason: messageOf(error) }, 'cannot repair, will try again');
  }
}
