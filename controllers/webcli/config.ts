import { z } from 'zod';

const port = z.int().min(0).max(65_535);

export const webcliConfigSchema = z.object({
  host: z.string().default('127.0.0.1'),
  port: port.default(7171),
  statusHost: z.string().default('127.0.0.1'),
  statusPort: port.default(7172),
  /** Name of this one among several; grants name it. */
  instance: z.string().min(1).default('webcli-0'),
  /** PEM text of the key that the API's grants are checked with. */
  grantKey: z.string(),
  /** Where recordings are kept: a folder of this instance. */
  dataDir: z.string(),
  /** A session in which nothing was typed for so long is ended. */
  idleMs: z
    .int()
    .positive()
    .default(30 * 60_000),
  /** How long before that it is told. */
  idleNoticeMs: z.int().positive().default(60_000),
  /** A session that its tab lost is kept for so long. */
  graceMs: z
    .int()
    .positive()
    .default(2 * 60_000),
  /** How much of what was shown is kept to be shown again; at least `windowBytes`. */
  scrollbackBytes: z
    .int()
    .positive()
    .default(256 << 10),
  /** How much may be on its way to a browser that has not shown it; then the container waits. */
  windowBytes: z
    .int()
    .positive()
    .default(128 << 10),
  /** Open and kept sessions of one person, and of this instance. */
  sessionsPerActor: z.int().positive().default(20),
  sessionLimit: z.int().positive().default(500),
  /** A recording ends at this size. */
  recordingLimitBytes: z
    .int()
    .positive()
    .default(64 << 20),
  /** Recordings are removed after so many days. */
  recordingDays: z.int().positive().default(30),
  /** Image of debug containers, as the cluster's nodes pull it; without one they are refused. */
  debugImage: z.string().optional(),
  /** A debug container ends by itself after so long, seconds. */
  debugLifeSec: z
    .int()
    .positive()
    .default(4 * 3_600),
  /** How long a stop waits for tabs to go elsewhere. */
  drainMs: z.int().min(0).default(2_000),
});
export type WebcliConfig = z.input<typeof webcliConfigSchema>;
export type ResolvedWebcliConfig = z.output<typeof webcliConfigSchema>;
