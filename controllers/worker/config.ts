import { ingressClassName, localClassName, sharedClassName } from '@skyarc/lib/contracts';
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
  /** Registry as the worker reaches it, to check images and to remove those of deleted apps; neither when absent. */
  registryUrl: z.string().optional(),
  /** Name of a pull Secret that somebody put into every team's namespace, instead of the worker's own. */
  imagePullSecret: z.string().optional(),
  storage: z
    .object({
      /** Storage class of SHARED volumes; null = the cluster's default class. */
      sharedClass: z.string().nullable().default(sharedClassName),
      /** Storage class of LOCAL volumes; null = the cluster's default class. */
      localClass: z.string().nullable().default(localClassName),
      /** Folder in which the leader makes volumes of the classes above; none are made when absent. */
      folder: z.string().startsWith('/').optional(),
      /** The node whose folder it is; absent: every node has it at this path, as with a network file system. */
      nodeName: z.string().optional(),
      /** How long the files of a deleted volume are kept aside before they are erased. */
      keepTrashMs: z.int().min(0).default(600_000),
      /** How often the bytes of every volume are counted. */
      countEveryMs: z.int().positive().default(300_000),
    })
    .prefault({}),
  /** Namespace of the leader's Lease. */
  systemNamespace: z.string().default('skyarc-system'),
  /** Seconds after which a leader that does not answer is replaced. */
  leaseSeconds: z.int().min(3).default(15),
  /** Networks of the cluster's pods, for the policies between teams; asked of the nodes when absent. */
  podCidrs: z.array(z.string()).optional(),
  /** Status servers of the gateways, e.g. `http://127.0.0.1:10254`: they count the requests that apps get. */
  gatewayUrls: z.array(z.url()).default([]),
  /** The server of external.metrics.k8s.io, which rules by request rate need; off without gateways. */
  metrics: z
    .object({
      host: z.string().default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(6370),
      /** IP address at which the API server reaches it; that of `host` when absent. */
      address: z.string().optional(),
    })
    .prefault({}),
  /** Where pods reach discovery (`host:port`), and the PEM key that signs their grants; no mesh when absent. */
  mesh: z.object({ address: z.string(), grantKey: z.string() }).optional(),
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
