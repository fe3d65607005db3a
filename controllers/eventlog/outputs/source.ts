import { type LogOutputKind, logOutputKinds, type LogOutputSettings } from '@skyarc/lib/contracts';
import type { SecretBox } from '@skyarc/lib/secretbox';
import { type DataCenterDatabase, readSettings } from '@skyarc/prisma/datacenter';

export interface OutputApp {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  /** Made after the output: all its lines are meant. */
  readonly isYounger: boolean;
}

export interface Output {
  readonly id: string;
  readonly kind: LogOutputKind;
  readonly settings: LogOutputSettings;
  readonly secret: string | null;
  /** Private addresses may be reached: by outputs of the data centre, else by an administrator's choice. */
  readonly allowPrivate: boolean;
  readonly apps: readonly OutputApp[];
  /** Last delivered sequence by app. */
  readonly cursors: ReadonlyMap<string, number>;
}

/** Outputs and their progress, as the data centre's database has them. */
export class OutputSource {
  private readonly db: DataCenterDatabase;
  private readonly secretBox: SecretBox;

  constructor(db: DataCenterDatabase, secretBox: SecretBox) {
    this.db = db;
    this.secretBox = secretBox;
  }

  async list(): Promise<Output[]> {
    const rows = await this.db.logOutput.findMany({ where: { enabled: true }, include: { cursors: true } });
    if (rows.length === 0) return [];
    const { allowPrivateSources } = await readSettings(this.db);
    const apps = await this.db.app.findMany({
      select: { id: true, name: true, teamName: true, createdAt: true },
    });
    return rows.map(({ id, teamName, kind, settings, secret, cursors, createdAt }) => ({
      id,
      kind: kind as LogOutputKind,
      settings: logOutputKinds[kind as LogOutputKind].parse(JSON.parse(settings)),
      secret: secret === null ? null : this.secretBox.open(secret, `logoutput:${id}`),
      allowPrivate: teamName === null || allowPrivateSources,
      apps: apps
        .filter((app) => teamName === null || app.teamName === teamName)
        .map((app) => ({
          id: app.id,
          name: app.name,
          team: app.teamName,
          isYounger: app.createdAt > createdAt,
        })),
      cursors: new Map(cursors.map(({ appId, cursor }) => [appId, Number(cursor)])),
    }));
  }

  /** An output that was removed meanwhile stays so. */
  async save(outputId: string, cursors: ReadonlyMap<string, number>, wasSent: boolean): Promise<void> {
    await this.db.$transaction(async (tx) => {
      const data = wasSent ? { lastSentAt: new Date(), lastError: null } : {};
      const { count } = await tx.logOutput.updateMany({ where: { id: outputId }, data });
      if (count === 0) return;
      for (const [appId, sequence] of cursors) {
        const cursor = BigInt(sequence);
        const where = { outputId_appId: { outputId, appId } };
        await tx.logOutputCursor.upsert({ where, create: { outputId, appId, cursor }, update: { cursor } });
      }
    });
  }

  async fail(outputId: string, reason: string): Promise<void> {
    await this.db.logOutput.updateMany({
      where: { id: outputId },
      data: { lastError: reason.slice(0, 500) },
    });
  }
}
