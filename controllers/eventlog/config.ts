import { z } from 'zod';

export const eventlogConfigSchema = z.object({
  host: z.string().default('127.0.0.1'),
  /** gRPC, Connect and JSON. */
  port: z.number().int().min(0).default(6366),
  /** Acknowledged batches from collectors. */
  ingestPort: z.number().int().min(0).default(6362),
  /** `/metrics` and `/healthz`. */
  statusPort: z.number().int().min(0).default(6364),
  dataDir: z.string().min(1),
  /** A stream's file is closed and the next one begun at this size. */
  segmentBytes: z
    .number()
    .int()
    .positive()
    .default(1 << 20),
  /** The journal is begun anew, after the streams are synced, at this size. */
  journalBytes: z
    .number()
    .int()
    .positive()
    .default(16 << 20),
  /** Frames that are not stored yet may take this much memory; then Append answers EXHAUSTED. */
  maxPendingBytes: z
    .number()
    .int()
    .positive()
    .default(64 << 20),
  /** A follower that is this far behind the live end gets a gap. */
  followerBytes: z
    .number()
    .int()
    .positive()
    .default(8 << 20),
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
      everyMs: z.number().positive().default(60_000),
    })
    .prefault({}),
});

export type EventlogConfig = z.input<typeof eventlogConfigSchema>;
