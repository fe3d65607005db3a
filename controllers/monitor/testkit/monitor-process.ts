import { ensureSecretBox } from '@skyarc/lib/secretbox';
import { openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { MonitorConfig } from '../config.ts';
import { start } from '../main.ts';

export interface ProcessOptions {
  readonly config: MonitorConfig;
  readonly databaseFile: string;
  readonly keyFile: string;
}

/** A monitor in a process of its own, so that a test may kill it. */
const { config, databaseFile, keyFile } = JSON.parse(process.argv[2] ?? '') as ProcessOptions;
const db = await openDataCenterDatabase({ file: databaseFile });
const monitor = await start(config, { db, secretBox: await ensureSecretBox(keyFile) });
process.send?.(monitor.url);
process.once('disconnect', () => process.exit());
