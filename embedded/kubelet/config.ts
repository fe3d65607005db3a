import { availableParallelism, hostname } from 'node:os';
import { z } from 'zod';

/** Configuration of the node agent and of its container engine. */
export const kubeletConfigSchema = z.strictObject({
  nodeName: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
    .default(() => hostname().toLowerCase()),
  /** IPv4 address under which the node is known; found by itself when absent. */
  nodeAddress: z.ipv4().optional(),
  /** Labels added to the Node. */
  nodeLabels: z.record(z.string(), z.string()).default({}),
  /** Container logs: `<podLogRoot>/<namespace>_<pod>_<uid>/<container>/<n>.log`. */
  podLogRoot: z.string(),
  logs: z
    .strictObject({
      /** A log file beyond this size is rotated. */
      maxBytes: z
        .int()
        .min(1024)
        .default(10 * 1024 * 1024),
      /** Files kept of one container's run, the current one included. */
      maxFiles: z.int().min(2).default(5),
      checkEveryMs: z.int().default(10_000),
      /** How long the logs of a pod that is gone stay, so that a collector can finish. */
      keepMs: z.int().default(10 * 60_000),
    })
    .prefault({}),
  /** Registries spoken to in plain HTTP, as `host:port`. */
  plainHttpRegistries: z.array(z.string().regex(/^[a-zA-Z0-9.\-:[\]]+$/)).default([]),
  cniPluginFolder: z.string().default('/usr/lib/cni'),
  snapshotter: z.enum(['overlayfs', 'native']).default('overlayfs'),
  /** Of the engine's streaming server for exec, attach and port-forward; port 0 picks a free one. */
  streaming: z
    .strictObject({ host: z.string().default('127.0.0.1'), port: z.int().min(0).max(65_535).default(0) })
    .prefault({}),
  maxPods: z.int().default(110),
  /** Processes and threads that one pod may have. */
  maxPidsPerPod: z.int().default(4096),
  /** Reserved for the system: allocatable is capacity less this. */
  reserved: z
    .strictObject({ cpu: z.number().default(0), memoryBytes: z.int().default(256 * 1024 * 1024) })
    .prefault({}),
  crashBackoff: z
    .strictObject({ firstMs: z.int().default(10_000), maxMs: z.int().default(300_000) })
    .prefault({}),
  leaseEveryMs: z.int().default(10_000),
  /** How often all pods are compared with the runtime: events from it may be lost. */
  relistEveryMs: z.int().default(10_000),
  /** How often the files of configMaps, secrets and tokens in volumes are compared with their objects. */
  renewVolumesEveryMs: z.int().min(500).default(60_000),
  images: z
    .strictObject({
      /** Percent of the disk above which unused images are removed, down to the lower mark. */
      highPercent: z.number().default(85),
      lowPercent: z.number().default(80),
      checkEveryMs: z.int().default(300_000),
      minAgeMs: z.int().default(120_000),
    })
    .prefault({}),
  usage: z
    .strictObject({
      /** Between two samples of what pods use of processors and memory. */
      everyMs: z.int().min(100).default(10_000),
      /** Between two measures of what pods take of the disk. */
      diskEveryMs: z.int().min(100).default(15_000),
    })
    .prefault({}),
  /** When pods are ended to save the node. */
  eviction: z
    .strictObject({
      memoryAvailableBytes: z
        .int()
        .min(0)
        .default(100 * 1024 * 1024),
      /**
       * Of the file systems of images and of pods: less than this share and less than this many bytes is too
       * little. Below Kubernetes' 10 %, which on the large disk of a machine that is not a node alone is much.
       */
      diskFreePercent: z.number().min(0).max(100).default(5),
      diskFreeBytes: z
        .int()
        .min(0)
        .default(10 * 1024 ** 3),
      inodesFreePercent: z.number().min(0).max(100).default(3),
      checkEveryMs: z.int().min(100).default(10_000),
      /** How long a condition stays after what caused it has gone. */
      holdMs: z.int().min(0).default(300_000),
    })
    .prefault({}),
  /** Pods worked on at the same time. */
  workers: z.int().default(Math.max(8, availableParallelism() * 4)),
});

export type KubeletConfig = z.output<typeof kubeletConfigSchema>;
