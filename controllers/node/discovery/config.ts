import { z } from 'zod';

export const discoveryConfigSchema = z.strictObject({
  /** Where pods reach it. */
  host: z.string().default('127.0.0.1'),
  /** 0 picks a free port. */
  port: z.int().min(0).max(65_535).default(6101),
  /** PEM of the public key that clients' grants are checked with. */
  grantKey: z.string(),
});
export type DiscoveryConfig = z.output<typeof discoveryConfigSchema>;
