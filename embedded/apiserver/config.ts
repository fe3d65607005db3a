import { z } from 'zod';

export const apiServerConfigSchema = z.object({
  /** Names what this cluster makes on the machine, and the cluster in kubeconfig files. */
  instance: z
    .string()
    .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/)
    .default('skyarc'),
  host: z.string().default('127.0.0.1'),
  /** 0 picks a free port. */
  port: z.number().int().min(0).max(65_535),
  /** More names and addresses that its certificate is valid for. */
  names: z.array(z.string()).default([]),
  etcdUrl: z.string(),
  /** Everything is stored under this etcd prefix; no slash at the end. */
  etcdPrefix: z
    .string()
    .regex(/^\/.*[^/]$/)
    .default('/registry'),
  /** Folder of the authority, certificates, the token key and admin.kubeconfig. */
  pkiDir: z.string(),
  serviceCidr: z.cidrv4().default('10.96.0.0/16'),
  clusterDomain: z.string().default('cluster.local'),
  /** Address and port at which pods reach this server, for the `kubernetes` service. */
  advertise: z.object({ address: z.ipv4(), port: z.number().int().positive() }).optional(),
});
export type ApiServerConfig = z.output<typeof apiServerConfigSchema>;
export type ApiServerConfigInput = z.input<typeof apiServerConfigSchema>;
