import { AppError } from '@skyarc/lib/errors';
import { sleep } from '@skyarc/lib/retry';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';

const claimMs = 15_000;
const renewMs = 4_000;

/**
 * The right to work on a build, held by one builder at a time: a row with a time until which it counts,
 * renewed while the work goes on. `lost` fires when it could not be renewed in time.
 */
export class BuildClaim {
  readonly owner: string;
  private readonly db: DataCenterDatabase;
  private readonly buildId: string;
  private readonly ended = new AbortController();
  private readonly loss = new AbortController();

  private constructor(db: DataCenterDatabase, buildId: string, owner: string) {
    this.db = db;
    this.buildId = buildId;
    this.owner = owner;
  }

  /** Gives up what earlier lives of a builder left claimed; their owners begin with the prefix. */
  static async forget(db: DataCenterDatabase, ownerPrefix: string): Promise<void> {
    await db.build.updateMany({
      where: { claimedBy: { startsWith: ownerPrefix } },
      data: { claimedBy: null, claimedUntil: null },
    });
  }

  /** Null while another builder has it and is alive. */
  static async take(db: DataCenterDatabase, buildId: string, owner: string): Promise<BuildClaim | null> {
    const claim = new BuildClaim(db, buildId, owner);
    if (!(await claim.write())) return null;
    void claim.keep();
    return claim;
  }

  get lost(): AbortSignal {
    return this.loss.signal;
  }

  async release(): Promise<void> {
    this.ended.abort();
    await this.db.build.updateMany({
      where: { id: this.buildId, claimedBy: this.owner },
      data: { claimedBy: null, claimedUntil: null },
    });
  }

  private async write(): Promise<boolean> {
    const now = new Date();
    const { count } = await this.db.build.updateMany({
      where: {
        id: this.buildId,
        OR: [{ claimedBy: null }, { claimedBy: this.owner }, { claimedUntil: { lt: now } }],
      },
      data: { claimedBy: this.owner, claimedUntil: new Date(now.getTime() + claimMs) },
    });
    return count === 1;
  }

  private async keep(): Promise<void> {
    let validUntil = Date.now() + claimMs;
    while (!this.ended.signal.aborted) {
      await sleep(renewMs, this.ended.signal).catch(() => undefined);
      if (this.ended.signal.aborted) return;
      const askedAt = Date.now();
      const isOurs = await this.write().catch(() => undefined);
      if (isOurs) validUntil = askedAt + claimMs;
      else if (isOurs === false || Date.now() > validUntil - renewMs) {
        this.loss.abort(new AppError('CONFLICT', 'Another builder has taken over this build'));
        return;
      }
    }
  }
}
