import { etcdUrls } from '@skyarc/lib/config';
import { z } from 'zod';

export const eventlogConfigSchema = z.object({
  host: z.string().default('127.0.0.1'),
  /** gRPC, Connect and JSON. */
  port: z.number().int().min(0).default(6366),
  /** Acknowledged batches from collectors. */
  ingestPort: z.number().int().min(0).default(6362),
  /** WebSocket followers with a grant; not served without `grantKey`. */
  socketPort: z.number().int().min(0).default(6363),
  /** PEM of the public key whose grants open a WebSocket. */
  grantKey: z.string().optional(),
  /** `/metrics` and `/healthz`. */
  statusPort: z.number().int().min(0).default(6364),
  dataDir: z.string().min(1),
  /** A stream's file is closed and the next one begun at this size. */
  segmentBytes: z
    .number()
    .int()
    .positive()
    .default(4 << 20),
  /** At this size the journal is begun anew, after the streams are written to their files. */
  journalBytes: z
    .number()
    .int()
    .positive()
    .default(32 << 20),
  /** Lines that are not stored yet may take this much memory; then collectors are not read, Append answers EXHAUSTED. */
  maxPendingBytes: z
    .number()
    .int()
    .positive()
    .default(8 << 20),
  /** 1 (fast) to 19 (small), zstd. */
  compressionLevel: z.number().int().min(1).max(19).default(1),
  /** A follower that is this far behind the live end gets a gap. */
  followerBytes: z
    .number()
    .int()
    .positive()
    .default(8 << 20),
  /** Outputs are looked at this often. */
  outputsEveryMs: z.number().positive().default(1_000),
  retention: z
    .object({
      maxAgeMs: z
        .number()
        .positive()
        .default(30 * 86_400_000),
      streamBytes: z
        .number()
        .positive()
        .default(256 << 20),
      totalBytes: z
        .number()
        .positive()
        .default(8 * 1024 ** 3),
      /** The disk keeps this much free: the oldest lines of anyone go before that. */
      minFreeBytes: z
        .number()
        .nonnegative()
        .default(512 << 20),
      everyMs: z.number().positive().default(60_000),
    })
    .prefault({}),
  /** Several event logs that share the streams; alone when absent. */
  cluster: z
    .object({
      /** Unique, and the same after a restart. */
      name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/),
      /** Where the others reach `port`; `http://host:port` when absent. */
      url: z.url().optional(),
      etcdUrl: etcdUrls,
      /** Keys in etcd begin with it. */
      prefix: z.string().default('/skyarc/eventlog/'),
      /** A node that is silent for so long has left. */
      leaseSeconds: z.number().int().min(2).default(10),
      refreshMs: z.number().positive().default(500),
    })
    .optional(),
});

export type EventlogConfig = z.input<typeof eventlogConfigSchema>;
