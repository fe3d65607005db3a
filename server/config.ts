import { dataCenterName } from '@skyarc/lib/contracts';
import { z } from 'zod';

export const serverConfigSchema = z.object({
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(7_070),
  statusHost: z.string().default('127.0.0.1'),
  statusPort: z.int().min(0).max(65_535).default(7_071),
  /** SQLite file of the console layer. */
  databaseFile: z.string(),
  /** Certificates of the console towards the data centres, PEM texts. */
  tls: z.object({ ca: z.string(), cert: z.string(), key: z.string() }),
  /** Data centres that are made known, or whose address is changed, at start. */
  dataCenters: z
    .array(
      z.object({ name: dataCenterName, displayName: z.string(), apiUrl: z.url({ protocol: /^https$/ }) }),
    )
    .default([]),
  /**
   * Terminal services on this very machine, addresses by data centre and by instance: their terminals take no way round
   * by the data centre's API. They check grants themselves.
   */
  nearbyTerminals: z
    .record(
      dataCenterName,
      z.record(z.string(), z.url({ protocol: /^http$/, hostname: /^(127\.0\.0\.1|\[::1\]|localhost)$/ })),
    )
    .default({}),
  /** Folder of the exported console; without it only the API is served. */
  webRoot: z.string().optional(),
  /** Folder with `<name>/template.json` of each built-in template. */
  samplesFolder: z.string(),
  /** Origins besides the server's own address from which pages may come, e.g. `https://paas.example.com`. */
  publicOrigins: z.array(z.url()).default([]),
  /** True when browsers come by https, so that cookies are marked Secure. */
  isSecure: z.boolean().default(false),
  /** Attempts to log in, by address and e-mail, and to claim, by address. */
  attemptsPerMinute: z.int().positive().default(10),
  /** How often the session behind an open WebSocket is checked again, milliseconds. */
  recheckMs: z.int().positive().default(2_000),
});
export type ServerConfig = z.input<typeof serverConfigSchema>;
