import type { ConsoleDatabase } from '@skyarc/prisma/console';
import type { DataCenterEntry } from '@skyarc/server/host';

/** The table of data centres. */
export class DataCenterRepository {
  private readonly db: ConsoleDatabase;

  constructor(db: ConsoleDatabase) {
    this.db = db;
  }

  list(): Promise<DataCenterEntry[]> {
    return this.db.dataCenter.findMany({ orderBy: { name: 'asc' } });
  }

  /** Adds a data centre or changes its address. */
  async ensure(entry: DataCenterEntry): Promise<void> {
    const { name, ...rest } = entry;
    await this.db.dataCenter.upsert({ where: { name }, create: { name, ...rest }, update: rest });
  }
}
