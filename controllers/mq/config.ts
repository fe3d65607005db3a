import { etcdUrls } from '@skyarc/lib/config';
import { z } from 'zod';

/** Topics by name; `*` at the end stands for anything. */
const topics = z.array(z.string()).default([]);

const accessSchema = z.object({
  /** Services' tokens are derived from it (`mqTokenOf` of lib/mq-client). */
  secret: z.string().min(16),
  /** What each service may do; what is not listed is refused. */
  services: z.record(
    z.string(),
    z.object({
      publish: topics,
      /** Besides, it may settle what it gets. */
      subscribe: topics,
      /** Sees all topics, sets limits, deletes groups, replays and discards dead letters. */
      operate: z.boolean().default(false),
    }),
  ),
});

const settingsSchema = z.object({
  host: z.string().default('127.0.0.1'),
  /** gRPC, Connect and JSON. */
  port: z.number().int().min(0).default(6300),
  /** `/metrics` and `/healthz`. */
  statusPort: z.number().int().min(0).default(6301),
  etcdUrl: etcdUrls,
  /** First part of every key in etcd. */
  prefix: z
    .string()
    .regex(/^\/[a-z0-9/-]+$/)
    .default('/skyarc/mq/v2'),
  /** Who may do what; absent: whoever reaches the port may do all, which then must be on loopback. */
  access: accessSchema.optional(),
  /** PEM texts; with `clientCa`, clients must show a certificate of that authority too. */
  tls: z.object({ cert: z.string(), key: z.string(), clientCa: z.string().optional() }).optional(),
  /** Unsettled messages of one topic; beyond it publishing answers EXHAUSTED. */
  maxTopicMessages: z.number().int().positive().default(100_000),
  maxTopicBytes: z
    .number()
    .int()
    .positive()
    .default(64 << 20),
  /** How long a message id is remembered after it was published. */
  duplicateWindowMs: z.number().positive().default(3_600_000),
  /** Ids of one topic that are remembered at most, the newest ones. */
  maxTopicIds: z.number().int().positive().default(1_000_000),
  /** How long dead letters are kept. */
  deadLetterMs: z
    .number()
    .positive()
    .default(30 * 86_400_000),
  /** Between two clean-ups of settled messages. */
  cleanEveryMs: z.number().positive().default(1_000),
  /** At most so often a node makes room in an etcd that refuses writes for want of space. */
  reclaimEveryMs: z.number().positive().default(60_000),
  /** Between two comparisons of memory with etcd. */
  repairEveryMs: z.number().positive().default(30_000),
});

export const mqConfigSchema = settingsSchema.refine(
  ({ access, host }) => access !== undefined || /^(127\.|::1$|localhost$)/.test(host),
  { error: 'needs rules of access when others than this machine can reach it', path: ['access'] },
);

export type MqAccess = z.output<typeof accessSchema>;
export type MqConfig = z.input<typeof mqConfigSchema>;
export type ResolvedMqConfig = z.output<typeof mqConfigSchema>;
