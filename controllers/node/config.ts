import { z } from 'zod';
import { agentConfigSchema } from './agent/config.ts';
import { discoveryConfigSchema } from './discovery/config.ts';

const logsSchema = z.discriminatedUnion('from', [
  z.object({
    /** This machine's container log files: one agent on every node. */
    from: z.literal('files'),
    podLogRoot: z.string().default('/var/log/pods'),
    /** Everything is looked at this often, whatever the kernel tells. */
    scanEveryMs: z.number().positive().default(2_000),
  }),
  z.object({
    /** The Kubernetes log API, for clusters whose nodes have no agent: one for the cluster. */
    from: z.literal('api'),
  }),
]);

export const nodeConfigSchema = z
  .object({
    host: z.string().default('127.0.0.1'),
    /** `/metrics` and `/healthz`. */
    port: z.number().int().min(0).default(6100),
    /** Positions and the health record are kept here. */
    dataDir: z.string().min(1),
    /** The cluster that the machine belongs to; the pod's own when absent. */
    kubeconfig: z.string().optional(),
    /** The event log's door for collectors: `tcp://host:6362`. */
    ingestUrl: z.string().startsWith('tcp://').optional(),
    /** Where lines of containers come from; none are collected when absent. */
    logs: logsSchema.optional(),
    /** This machine's registration, health checks, clean-up, and the master role. */
    agent: agentConfigSchema.optional(),
    /** Discovery (xDS) for the clients of apps. */
    discovery: discoveryConfigSchema.optional(),
  })
  .refine(({ logs, ingestUrl }) => !logs || ingestUrl, {
    path: ['ingestUrl'],
    message: 'is needed where lines are collected',
  });

export type NodeConfig = z.input<typeof nodeConfigSchema>;

/** What the collector needs of it. */
export interface CollectConfig {
  readonly ingestUrl: string;
  readonly logs: z.output<typeof logsSchema>;
}
