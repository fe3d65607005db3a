import { z } from 'zod';

/** Configuration of the cluster's controllers and scheduler; durations in milliseconds. */
export const controllersConfigSchema = z.strictObject({
  /** Keys that each controller handles at the same time. */
  workers: z.int().min(1).default(8),
  /** How often every informer compares its store with a fresh list. */
  repairEveryMs: z.int().min(100).default(60_000),
  storage: z
    .strictObject({
      /** Name of the default StorageClass, whose volumes are directories of this machine. */
      className: z.string().default('skyarc-local'),
      /** Folder that holds one directory per provisioned volume; no provisioner runs when absent. */
      volumeRoot: z.string().optional(),
    })
    .prefault({}),
  nodes: z
    .strictObject({
      /** A node whose Lease was not renewed for this long is NotReady. */
      graceMs: z.int().default(40_000),
      checkEveryMs: z.int().default(5_000),
    })
    .prefault({}),
  autoscaler: z
    .strictObject({
      everyMs: z.int().min(10).default(15_000),
      /** Nothing is done while the metric is this near to its target, as a share of it. */
      tolerance: z.number().min(0).default(0.1),
      /** Of autoscalers that do not say it themselves. */
      downscaleStabilizationMs: z.int().min(0).default(300_000),
      /** So long after its start a pod's cpu counts only while the pod is ready. */
      cpuInitializationMs: z.int().min(0).default(300_000),
      /** A pod that was last unready so shortly after its start has never been ready. */
      initialReadinessMs: z.int().min(0).default(30_000),
    })
    .prefault({}),
  jobs: z
    .strictObject({
      /** Wait before a failed pod of a Job is replaced; doubles with each failure in a row. */
      backoffMs: z.int().min(0).default(10_000),
      maxBackoffMs: z.int().min(0).default(360_000),
    })
    .prefault({}),
  podGc: z
    .strictObject({
      everyMs: z.int().default(20_000),
      /** Finished pods kept in the whole cluster; the oldest beyond go. */
      terminatedThreshold: z.int().default(1_000),
      /** How long a pod may name a node that does not exist before it is removed. */
      vanishedNodeGraceMs: z.int().default(40_000),
    })
    .prefault({}),
});

export type ControllersConfig = z.output<typeof controllersConfigSchema>;
export type ControllersInput = z.input<typeof controllersConfigSchema>;
