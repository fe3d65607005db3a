import { uriHost } from '@skyarc/lib/address';
import { z } from 'zod';

const ms = (fallback: number) => z.int().positive().default(fallback);

export const hubConfigSchema = z.object({
  host: z.string().default('127.0.0.1'),
  /** Port of the registry. */
  port: z.number().int().min(1).max(65_535).default(5000),
  /** Port of the token service; 0 picks a free one. */
  tokenPort: z.number().int().min(0).max(65_535).default(5002),
  /** `/metrics` and `/healthz`; 0 picks a free one. */
  statusPort: z.number().int().min(0).default(5001),
  /** The registry's own metrics, `/metrics`; none when absent. */
  metricsPort: z.int().min(1).max(65_535).optional(),
  /** Where clients of the registry find the token service; by default at `host` and `tokenPort`. */
  tokenUrl: z.url().optional(),
  /** Blobs, manifests, and the registry's own configuration, keys, pid and log. */
  dataDir: z.string().min(1),
  /** The Distribution program. */
  program: z.string().default('docker-registry'),
  /** GraphQL address of the console, which knows people's API tokens; people cannot log in when absent. */
  consoleUrl: z.url().optional(),
  /** MiB that the images of one team may take; null = no limit. */
  teamQuotaMb: z.int().min(1).nullable().default(null),
  /** Versions of an app that are kept besides those in use: the newest ones, and all younger than so many days. */
  keepVersions: z.int().min(1).default(5),
  keepDays: z.int().min(0).default(30),
  /** How often versions past that, and what nothing needs any more, are removed. */
  cleanEveryMs: ms(3_600_000),
  /** What was written or used so short a time ago is not removed, as a push may be on its way; longer than any push. */
  graceMs: z.int().min(0).default(7_200_000),
});

export type HubConfig = z.input<typeof hubConfigSchema>;
export type HubSettings = z.output<typeof hubConfigSchema>;

/** What tokens say they are for. */
export const serviceName = 'skyarc-hub';

/** Where clients find the token service. */
export function tokenUrlOf({ tokenUrl, host, tokenPort }: HubSettings): string {
  return tokenUrl ?? `http://${uriHost(host)}:${tokenPort}/auth/token`;
}

export function registryUrlOf({ host, port }: HubSettings): string {
  return `http://${uriHost(host)}:${port}`;
}
