import { hostname } from 'node:os';
import { nodeRole } from '@skyarc/lib/contracts';
import { z } from 'zod';
import { cleanupConfigSchema } from '../cleanup/config.ts';
import { serviceConfigSchema } from '../health/config.ts';

export const agentConfigSchema = z.strictObject({
  /** The machine's name: that of its Kubernetes Node, where it is one. */
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/, 'is no host name')
    .default(() => hostname().toLowerCase()),
  /** Roles at the first registration; from then on the labels of the Kubernetes Node say. */
  roles: z.array(nodeRole).default(['COMPUTE']),
  heartbeatMs: z.number().positive().default(10_000),
  /** A machine that was not heard of for so long is offline. */
  staleMs: z.number().positive().default(60_000),
  /** Of the master role. */
  leaseSeconds: z.number().positive().default(15),
  /** How often a drain is tried again. */
  drainEveryMs: z.number().positive().default(2_000),
  /** The disk that is looked at lies under this folder; default is the data folder. */
  diskFolder: z.string().optional(),
  pressure: z
    .strictObject({
      diskPercent: z.number().default(85),
      memoryPercent: z.number().default(90),
      loadPerCpu: z.number().default(4),
    })
    .prefault({}),
  services: z.array(serviceConfigSchema).default([]),
  /** Where services of this machine say that they are here (lib/presence): those are looked after, too. */
  servicesFolder: z.string().startsWith('/').optional(),
  /** What the supervisor of this machine's processes started again: NodeRecordEntry[] as JSON. */
  restartsFile: z.string().startsWith('/').optional(),
  cleanup: cleanupConfigSchema.prefault({}),
  /** prometheus-node-exporter, started by the agent and left running; none when absent. */
  exporter: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.int().min(1).max(65_535).default(9100),
      command: z.string().default('prometheus-node-exporter'),
      /** Of its pid and log, and of `<name>.prom` of the machine's own jobs; below the data folder by default. */
      folder: z.string().startsWith('/').optional(),
    })
    .optional(),
});
export type AgentConfig = z.output<typeof agentConfigSchema>;
