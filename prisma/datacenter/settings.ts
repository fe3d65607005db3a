import { type DataCenterSettings, dataCenterSettings } from '@skyarc/lib/contracts';
import type { DataCenterTransaction } from './open.ts';

/** All settings, with the defaults of those that nobody set. */
export async function readSettings(db: DataCenterTransaction): Promise<DataCenterSettings> {
  const rows = await db.setting.findMany({ where: { name: { in: Object.keys(dataCenterSettings.shape) } } });
  return dataCenterSettings.parse(
    Object.fromEntries(rows.map(({ name, value }) => [name, JSON.parse(value)])),
  );
}

/** Changes the given ones; they were checked by {@link dataCenterSettings}. */
export async function writeSettings(
  db: DataCenterTransaction,
  change: Readonly<Partial<DataCenterSettings>>,
): Promise<void> {
  for (const [name, wanted] of Object.entries(change)) {
    const value = JSON.stringify(wanted);
    await db.setting.upsert({ where: { name }, create: { name, value }, update: { value } });
  }
}

const baseImageName = 'baseImage';

/** Digest of the layer that new images stand on; null until a builder was there. */
export async function readBaseImage(db: DataCenterTransaction): Promise<string | null> {
  const row = await db.setting.findUnique({ where: { name: baseImageName } });
  return row && (JSON.parse(row.value) as string);
}

export async function writeBaseImage(db: DataCenterTransaction, digest: string): Promise<void> {
  const value = JSON.stringify(digest);
  const name = baseImageName;
  await db.setting.upsert({ where: { name }, create: { name, value }, update: { value } });
}
