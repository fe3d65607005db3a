import { join } from 'node:path';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import type { RegistryClient } from '@skyarc/lib/oci';
import { repeat } from '@skyarc/lib/retry';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { HubSettings } from './config.ts';
import { expireVersions, removeManifests } from './retention.ts';
import { type Collected, collectGarbage } from './storage/collect.ts';
import type { RegistryStore } from './storage/store.ts';

/** What a pass did, for a log line and figures. */
export interface Cleaned extends Collected {
  readonly versions: number;
  readonly manifests: number;
}

/** Removes, again and again, what no app needs: versions, then their manifests, then blobs. */
export class Janitor {
  /** When the last whole pass ended, ms since 1970; 0 before the first. */
  lastCleanedAt = 0;
  freedBytes = 0;
  private readonly config: HubSettings;
  private readonly deps: {
    readonly db: DataCenterDatabase;
    readonly store: RegistryStore;
    readonly registry: RegistryClient;
    readonly log: Logger;
  };
  private readonly stopping = new AbortController();
  private loop: Promise<void> = Promise.resolve();
  private running: Promise<Cleaned> | undefined;

  constructor(config: HubSettings, deps: Janitor['deps']) {
    this.config = config;
    this.deps = deps;
  }

  start(): void {
    this.loop = this.cleanRegularly();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
  }

  /** One pass; the one that runs, when one does. */
  clean(): Promise<Cleaned> {
    this.running ??= this.cleanOnce().finally(() => (this.running = undefined));
    return this.running;
  }

  private async cleanOnce(): Promise<Cleaned> {
    const { db, store, registry } = this.deps;
    const { graceMs, dataDir } = this.config;
    const versions = await expireVersions(db, this.config);
    const manifests = await removeManifests(db, store, registry, graceMs);
    const { signal } = this.stopping;
    const collected = await collectGarbage({ store, trash: join(dataDir, 'trash'), graceMs, signal });
    this.lastCleanedAt = Date.now();
    this.freedBytes += collected.freedBytes;
    return { versions, manifests, ...collected };
  }

  private cleanRegularly(): Promise<void> {
    const { log } = this.deps;
    return repeat(async () => log.info(await this.clean(), 'cleaned the registry'), {
      everyMs: this.config.cleanEveryMs,
      signal: this.stopping.signal,
      restsFirst: true,
      onError: (error) => log.warn({ reason: messageOf(error) }, 'cannot clean the registry now'),
    });
  }
}
