import { z } from 'zod';

export const nodeConfigSchema = z.object({
  host: z.string().default('127.0.0.1'),
  /** `/metrics` and `/healthz`. */
  port: z.number().int().min(0).default(6100),
  /** Positions are kept here. */
  dataDir: z.string().min(1),
  /** The cluster whose pods are collected; the pod's own when absent. */
  kubeconfig: z.string().optional(),
  /** The event log's door for collectors: `tcp://host:6362`. */
  ingestUrl: z.string().startsWith('tcp://'),
  logs: z.discriminatedUnion('from', [
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
  ]),
});

export type NodeConfig = z.input<typeof nodeConfigSchema>;
