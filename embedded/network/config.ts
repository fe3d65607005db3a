import { z } from 'zod';

/** Configuration of the pod and service network. */
export const networkConfigSchema = z.strictObject({
  /** Ports of this host that pods may reach; DNS is always open to them. */
  openToPods: z
    .array(
      z.strictObject({
        address: z.ipv4(),
        protocol: z.enum(['tcp', 'udp']).default('tcp'),
        port: z.int().min(1).max(65_535),
      }),
    )
    .default([]),
  dns: z
    .strictObject({
      /** Of the cluster's DNS on the gateway address. */
      port: z.int().min(1).max(65_535).default(53),
      domain: z.string().default('cluster.local'),
      resolvConf: z.string().default('/etc/resolv.conf'),
    })
    .prefault({}),
});

export type NetworkConfig = z.output<typeof networkConfigSchema>;
