import { ingressClassName } from '@skyarc/lib/contracts';
import { z } from 'zod';

export const workerConfigSchema = z.object({
  /** Names what belongs to this installation. */
  instance: z.string().default('skyarc'),
  statusHost: z.string().default('127.0.0.1'),
  statusPort: z.int().min(0).max(65_535).default(6369),
  /** Domain below which apps get their default hosts. */
  domain: z.string().default('skyarc.localhost'),
  /** Registry as the cluster's nodes reach it, e.g. `127.0.0.1:5000`. */
  pullRegistry: z.string(),
  /** Registry as the worker reaches it, to remove images of deleted apps; not removed when absent. */
  registryUrl: z.string().optional(),
  /** Name of a pull Secret that is in every team's namespace; none when the registry asks for none. */
  imagePullSecret: z.string().optional(),
  ingressClass: z.string().default(ingressClassName),
  /** Operations worked on at once; those of one app run one after the other. */
  concurrency: z.int().positive().default(16),
  /** How often every app's objects are compared with what they should be. */
  repairEveryMs: z.int().positive().default(60_000),
  /** How often operations past their deadline are looked for. */
  sweepEveryMs: z.int().positive().default(5_000),
});
export type WorkerConfig = z.input<typeof workerConfigSchema>;
export type WorkerSettings = z.output<typeof workerConfigSchema>;
