import { z } from 'zod';

export const hubConfigSchema = z.object({
  host: z.string().default('127.0.0.1'),
  /** Port of the registry. */
  port: z.number().int().min(1).max(65_535).default(5000),
  /** `/metrics` and `/healthz`; 0 picks a free one. */
  statusPort: z.number().int().min(0).default(5001),
  /** Blobs, manifests, and the registry's own configuration, pid and log. */
  dataDir: z.string().min(1),
  /** The Distribution program. */
  program: z.string().default('docker-registry'),
});

export type HubConfig = z.input<typeof hubConfigSchema>;
