import type { Registry } from 'prom-client';
import type { Federation } from './query/federation.ts';
import type { Shards } from './shards.ts';
import { gaugeOf } from './state/metrics.ts';
import type { Service } from './targets/services.ts';
import type { Watchdog } from './watchdog.ts';

const healthTimeoutMs = 2_000;

/** What the monitor says of itself. */
export function registerOwnMetrics(
  registry: Registry,
  { federation, shards, watchdog }: { federation: Federation; shards: Shards; watchdog: Watchdog },
): void {
  gaugeOf(
    registry,
    { name: 'skyarc_monitor_queries', help: 'Queries, by how they were answered', labelNames: ['how'] },
    () => Object.entries(federation.counts).map(([how, count]) => [{ how }, count]),
  );
  gaugeOf(
    registry,
    { name: 'skyarc_monitor_shard_series', help: 'Series of the targets of a shard', labelNames: ['shard'] },
    () => shards.loads().map((load, index) => [{ shard: String(index) }, load]),
  );
  gaugeOf(
    registry,
    {
      name: 'skyarc_monitor_watchdog_silence_seconds',
      help: 'Time since alerts were seen to work',
      labelNames: [],
    },
    () => [[{}, watchdog.silenceMs / 1_000]],
  );
}

/** Asks every service how it is, when it is asked itself. */
export function registerHealthMetrics(registry: Registry, list: () => Promise<readonly Service[]>): void {
  gaugeOf(
    registry,
    {
      name: 'skyarc_service_healthy',
      help: 'Whether a service says that it is well',
      labelNames: ['service'],
    },
    async () =>
      Promise.all(
        (await list()).map(async ({ name, url }) => {
          const signal = AbortSignal.timeout(healthTimeoutMs);
          const isHealthy = await fetch(`${url.replace(/\/$/, '')}/healthz`, { signal }).then(
            async (response) => {
              await response.body?.cancel();
              return response.ok;
            },
            () => false,
          );
          return [{ service: name }, isHealthy ? 1 : 0] as const;
        }),
      ),
  );
}
