import { z } from 'zod';

export const mqConfigSchema = z.object({
  host: z.string().default('127.0.0.1'),
  /** gRPC, Connect and JSON. */
  port: z.number().int().min(0).default(6300),
  /** `/metrics` and `/healthz`. */
  statusPort: z.number().int().min(0).default(6301),
  etcdUrl: z.url(),
  /** First part of every key in etcd. */
  prefix: z
    .string()
    .regex(/^\/[a-z0-9/-]+$/)
    .default('/skyarc/mq'),
  /** Unsettled messages of one topic; beyond it publishing answers EXHAUSTED. */
  maxTopicMessages: z.number().int().positive().default(100_000),
  maxTopicBytes: z
    .number()
    .int()
    .positive()
    .default(64 << 20),
  /** How long a message id is remembered after it was published. */
  duplicateWindowMs: z.number().positive().default(3_600_000),
  /** How long dead letters are kept. */
  deadLetterMs: z
    .number()
    .positive()
    .default(30 * 86_400_000),
  /** Between two clean-ups of settled messages. */
  cleanEveryMs: z.number().positive().default(1_000),
  /** Between two comparisons of memory with etcd. */
  repairEveryMs: z.number().positive().default(30_000),
});

export type MqConfig = z.input<typeof mqConfigSchema>;
export type ResolvedMqConfig = z.output<typeof mqConfigSchema>;
