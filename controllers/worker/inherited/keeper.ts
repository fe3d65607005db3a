import { messageOf, toAppError } from '@skyarc/lib/errors';
import { sleep } from '@skyarc/lib/retry';
import { createOperation, environmentOf } from '@skyarc/prisma/datacenter';
import type { WorkerContext } from '../context.ts';
import { findDeployed } from '../deployed.ts';
import { readPlugins } from '../plugin-record.ts';
import { inheritedAnnotation } from '../render/labels.ts';
import { inheritedDigest } from './digest.ts';

const lookEveryMs = 2_000;
const nothing = inheritedDigest([], []);

/**
 * Configures running apps anew when what others tell them has changed: connection information and ports of the
 * apps they need, configuration sets, plug-ins that are apps of the team. One worker does it at a time.
 */
export class InheritanceKeeper {
  private readonly context: WorkerContext;

  constructor(context: WorkerContext) {
    this.context = context;
  }

  /** Looks at those who depend on an app after each of its operations, and at all now and then. */
  async run(signal: AbortSignal): Promise<void> {
    const rounds = Math.max(1, Math.round(this.context.config.repairEveryMs / lookEveryMs));
    let since = new Date();
    for (let round = 1; !signal.aborted; round += 1) {
      await sleep(lookEveryMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        const now = new Date();
        const due =
          round % rounds === 0 ? await this.allThatInherit() : await this.dependentsOfChanged(since);
        since = now;
        for (const id of due) {
          if (signal.aborted) return;
          await this.look(id).catch((error: unknown) => this.warn(id, error));
        }
      } catch (error) {
        this.warn('all', error);
      }
    }
  }

  private async dependentsOfChanged(since: Date): Promise<string[]> {
    const { db } = this.context;
    const ended = await db.operation.findMany({
      where: { status: 'SUCCEEDED', finishedAt: { gte: since } },
      select: { appId: true },
    });
    if (ended.length === 0) return [];
    const ids = [...new Set(ended.map(({ appId }) => appId))];
    const [dependents, users] = await Promise.all([
      db.dependency.findMany({ where: { toId: { in: ids } }, select: { fromId: true } }),
      db.appPlugin.findMany({
        where: {
          enabled: true,
          plugin: { versions: { some: { image: { in: ids.map((id) => `app:${id}`) } } } },
        },
        select: { appId: true },
      }),
    ]);
    return [...new Set([...dependents.map(({ fromId }) => fromId), ...users.map(({ appId }) => appId)])];
  }

  private async allThatInherit(): Promise<string[]> {
    const rows = await this.context.db.app.findMany({
      where: {
        desired: 'RUNNING',
        deletedAt: null,
        currentVersionId: { not: null },
        OR: [{ dependencies: { some: {} } }, { configSets: { some: {} } }, { plugins: { some: {} } }],
      },
      select: { id: true },
    });
    return rows.map(({ id }) => id);
  }

  private async look(appId: string): Promise<void> {
    const { db, kube, secretBox, log } = this.context;
    const app = await db.app.findUnique({ where: { id: appId }, include: { team: true } });
    if (!app || app.desired !== 'RUNNING' || app.activeOperationId || app.deletedAt || !app.currentVersionId)
      return;
    // What a provider is just taking over it may not say before it has.
    const changing = { fromId: appId, to: { activeOperationId: { not: null } } };
    if ((await db.dependency.count({ where: changing })) > 0) return;
    const ref = { id: app.id, name: app.name, team: app.teamName, namespace: app.team.namespace };
    const account = (await findDeployed(kube, ref))?.find(({ resource }) => resource === 'serviceaccounts');
    if (!account) return;
    const has = account.object.metadata?.annotations?.[inheritedAnnotation] ?? nothing;
    const [environment, plugins] = await Promise.all([
      environmentOf(db, secretBox, appId),
      readPlugins(db, secretBox, appId),
    ]);
    const inherited = inheritedDigest(environment, plugins);
    if (inherited === has) return;
    // Tried once: when the app does not run with it, its owner decides.
    const tried = await db.operation.findFirst({ where: { appId, arguments: { contains: inherited } } });
    if (tried) return;
    try {
      await createOperation(db, { app, kind: 'CONFIGURE', actor: 'skyarc', arguments: { inherited } });
      log.info({ app: app.name, team: app.teamName }, 'what the app is told by others has changed');
    } catch (error) {
      // Somebody's own operation came first, and brings it along.
      if (toAppError(error).code !== 'CONFLICT') throw error;
    }
  }

  private warn(app: string, error: unknown): void {
    this.context.log.warn({ app, reason: messageOf(error) }, 'cannot look for what an app inherits');
  }
}
