import { z } from 'zod';

const port = z.int().min(1).max(65_535);
const zoneName = z
  .string()
  .max(253)
  .regex(/^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'is no zone name');

/** Configuration of the pod and service network. */
export const networkConfigSchema = z.strictObject({
  /** Ports of this host that pods may reach; DNS is always open to them. */
  openToPods: z
    .array(
      z.strictObject({
        address: z.ipv4(),
        protocol: z.enum(['tcp', 'udp']).default('tcp'),
        port,
      }),
    )
    .default([]),
  /** Networks of those addresses of this host on which node ports of services are reached. */
  nodePortAddresses: z.array(z.cidrv4()).default(['127.0.0.0/8']),
  dns: z
    .strictObject({
      /** Of the cluster's DNS on the gateway address. */
      port: port.default(53),
      /** Of what it tells of itself, on the same address. */
      metricsPort: port.default(9153),
      domain: zoneName.default('cluster.local'),
      resolvConf: z.string().default('/etc/resolv.conf'),
      /** Zones with name servers of their own, each as `address` or `address:port`. */
      stubs: z
        .array(
          z.strictObject({
            origin: zoneName,
            servers: z.array(z.string().regex(/^[0-9a-f.:[\]]+$/, 'is no address or address:port')).min(1),
          }),
        )
        .default([]),
      /** Zones whose names stand for others: `<1>.<2>.<origin>` for `{1}.{2}` in the target. */
      aliases: z
        .array(
          z.strictObject({
            origin: zoneName,
            target: z
              .string()
              .regex(/^[a-z0-9{}.-]*\{[1-9]\}[a-z0-9{}.-]*$/, 'is no name with {1}, {2}, ...'),
          }),
        )
        .default([]),
    })
    .prefault({}),
});

export type NetworkConfig = z.output<typeof networkConfigSchema>;
