import { createRegistry } from '@skyarc/lib/status';
import { Gauge } from 'prom-client';
import type { Janitor } from './janitor.ts';
import type { RegistryStore } from './storage/store.ts';
import { teamBytes } from './storage/usage.ts';

/** Counting reads the disk: once in so long, however often somebody asks. */
const countEveryMs = 60_000;

/** Figures of the registry, counted when somebody asks. */
export function hubMetrics(store: RegistryStore, janitor: Janitor): ReturnType<typeof createRegistry> {
  const registry = createRegistry('hub');
  let [teamsCountedAt, blobsCountedAt] = [0, 0];
  const gauges = [
    new Gauge({
      name: 'skyarc_hub_team_bytes',
      help: "Bytes of a team's images, shared layers left out",
      labelNames: ['team'],
      registers: [],
      async collect() {
        if (Date.now() - teamsCountedAt < countEveryMs) return;
        teamsCountedAt = Date.now();
        this.reset();
        const owners = new Set((await store.repositories()).map((name) => name.split('/')[0] as string));
        owners.delete('skyarc');
        for (const team of owners) this.set({ team }, await teamBytes(store, team));
      },
    }),
    new Gauge({
      name: 'skyarc_hub_blobs',
      help: 'Blobs of the registry',
      registers: [],
      async collect() {
        if (Date.now() - blobsCountedAt < countEveryMs) return;
        blobsCountedAt = Date.now();
        let count = 0;
        for await (const _ of store.blobs()) count += 1;
        this.set(count);
      },
    }),
    new Gauge({
      name: 'skyarc_hub_last_clean_timestamp_seconds',
      help: 'When garbage was last collected; 0 = not since the start',
      registers: [],
      collect() {
        this.set(janitor.lastCleanedAt / 1000);
      },
    }),
    new Gauge({
      name: 'skyarc_hub_freed_bytes',
      help: 'Bytes that garbage collection has freed since the start',
      registers: [],
      collect() {
        this.set(janitor.freedBytes);
      },
    }),
  ];
  for (const gauge of gauges) registry.registerMetric(gauge);
  return registry;
}
