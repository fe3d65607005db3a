import { labels, managedByValue } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import type { KindTable, Term } from '@skyarc/lib/kube';
import { repeat } from '@skyarc/lib/retry';
import type { WorkerContext } from '../context.ts';
import { termAnnotation } from '../provisioner/classes.ts';
import type { VolumeFolders } from '../provisioner/folders.ts';
import type { Provisioner } from '../provisioner/provisioner.ts';
import { removeClaims } from '../steps/claims.ts';
import { removeObjects } from '../steps/objects.ts';

const lookEveryMs = 300_000;
/** A namespace is marked first, and goes when nothing has changed for so long. */
const condemnedForMs = 3_600_000;
const condemnedAnnotation = 'skyarc.dev/condemned-at';

/** Takes away what nobody owns any more: what deleted apps and teams left, folders without a volume, trash. */
export class GarbageCollector {
  private readonly context: WorkerContext;
  private readonly term: Term;
  private readonly storage: { folders: VolumeFolders; provisioner: Provisioner } | undefined;

  constructor(
    context: WorkerContext,
    term: Term,
    storage: { folders: VolumeFolders; provisioner: Provisioner } | undefined,
  ) {
    this.context = context;
    this.term = term;
    this.storage = storage;
  }

  /** Until the term is over. */
  async run(): Promise<void> {
    const kinds = [() => this.leftApps(), () => this.leftTeams(), () => this.leftFolders()];
    await Promise.all(kinds.map((collect) => this.collectRegularly(collect)));
  }

  private collectRegularly(collect: () => Promise<void>): Promise<void> {
    const act = async () => {
      this.term.check();
      await collect();
    };
    return repeat(act, {
      everyMs: lookEveryMs,
      signal: this.term.signal,
      onError: (error) => this.context.log.warn({ reason: messageOf(error) }, 'cannot collect garbage'),
    });
  }

  /** Apps that were deleted here; ids never come back. An app that was never known here is somebody else's. */
  private async leftApps(): Promise<void> {
    const { db, kube, log } = this.context;
    const labelSelector = `${labels.managedBy}=${managedByValue},${labels.appId}`;
    const [secrets, claims] = await Promise.all([
      kube.list('secrets', { labelSelector }),
      kube.list('persistentvolumeclaims', { labelSelector }),
    ]);
    const found = new Map(
      [...secrets.items, ...claims.items].map(({ metadata }) => [metadata?.labels?.[labels.appId], metadata]),
    );
    for (const [id, metadata] of found) {
      if (!id || (await db.app.findUnique({ where: { id }, select: { id: true } }))) continue;
      const deleted = await db.operation.findFirst({
        where: { appId: id, kind: 'DELETE', status: 'SUCCEEDED' },
      });
      if (!deleted) continue;
      const { namespace = '' } = metadata ?? {};
      const app = { id, name: deleted.appName, team: deleted.teamName, namespace };
      await removeObjects(kube, app, { keepsAccount: true });
      await removeClaims(kube, app);
      log.info({ app: app.name, team: app.team }, 'what a deleted app had left was taken away');
    }
  }

  /** Namespaces of teams that were known here and are no more. */
  private async leftTeams(): Promise<void> {
    const { kube } = this.context;
    const labelSelector = `${labels.managedBy}=${managedByValue},${labels.team}`;
    for (const namespace of (await kube.list('namespaces', { labelSelector })).items) {
      await this.judge(namespace);
    }
  }

  /** Every step depends on the state that was judged: a team that came back, or another leader, changes it. */
  private async judge({ metadata }: KindTable['namespaces']): Promise<void> {
    const { kube, log } = this.context;
    const { name = '', resourceVersion, uid, annotations, deletionTimestamp } = metadata ?? {};
    if (deletionTimestamp) return;
    const since = annotations?.[condemnedAnnotation];
    const isOurMark = annotations?.[termAnnotation] === String(this.term.token);
    if (!(await this.isLeft(metadata?.labels?.[labels.team] ?? ''))) {
      const unmarked = { resourceVersion, annotations: { [condemnedAnnotation]: null } };
      if (since) await kube.patch('namespaces', { name }, { metadata: unmarked });
    } else if (!since || !isOurMark) {
      const mark = {
        [condemnedAnnotation]: since ?? new Date().toISOString(),
        [termAnnotation]: String(this.term.token),
      };
      await kube.patch('namespaces', { name }, { metadata: { resourceVersion, annotations: mark } });
    } else if (Date.now() - Date.parse(since) > condemnedForMs) {
      this.term.check();
      await kube.delete('namespaces', name, undefined, { preconditions: { uid, resourceVersion } });
      log.info({ namespace: name }, 'the namespace of a deleted team was taken away');
    }
  }

  private async isLeft(team: string): Promise<boolean> {
    const { db } = this.context;
    if (await db.team.findUnique({ where: { name: team }, select: { name: true } })) return false;
    return (await db.operation.findFirst({ where: { teamName: team }, select: { id: true } })) !== null;
  }

  private async leftFolders(): Promise<void> {
    await this.storage?.provisioner.sweepOrphans();
    await this.storage?.folders.erase(this.context.config.storage.keepTrashMs);
  }
}
