import { z } from 'zod';

const port = z.int().min(1).max(65_535);
const address = z.union([z.ipv4(), z.ipv6()]);
const network = z.union([z.cidrv4(), z.cidrv6()]);
const dnsName = z
  .string()
  .max(253)
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'is a name in lower case such as apps.example.com',
  );

const zoneSchema = z.strictObject({
  origin: dnsName,
  /** Whether every name below leads to the gateway; else only hosts of Ingresses do. */
  wildcard: z.boolean().default(true),
  /** Who may issue certificates for it (RFC 8659). */
  caa: z
    .array(
      z.strictObject({
        flags: z.int().min(0).max(255).default(0),
        tag: z.enum(['issue', 'issuewild', 'iodef']),
        value: z.string().max(255),
      }),
    )
    .default([]),
});

export const dnsConfigSchema = z.strictObject({
  kubeconfig: z.string().optional(),
  /** Address to answer on, UDP and TCP. */
  host: address.default('127.0.0.1'),
  port: port.default(53),
  statusHost: z.string().default('127.0.0.1'),
  statusPort: z.int().min(0).max(65_535).default(9_153),
  /** Zones that we answer for by authority. */
  zones: z.array(zoneSchema).default([]),
  /** Seconds that an answer holds, a "no" too. */
  ttlSec: z.int().min(1).max(86_400).default(30),
  /** Names and addresses of the zones' servers, as their parents name them; absent: `ns1` of each zone, at the gateways. */
  nameServers: z
    .array(z.strictObject({ name: dnsName, addresses: z.array(address).default([]) }))
    .default([]),
  /** Mailbox of who looks after the zones, with "." for "@"; default `hostmaster` of each zone. */
  hostmaster: dnsName.optional(),
  /** Value of ingressClassName of the Ingresses whose hosts are answered. */
  ingressClass: z.string().default('skyarc'),
  /** Addresses of gateways where no Ingress says them in its status; a name makes an alias. */
  publicAddresses: z.array(z.union([address, dnsName])).default([]),
  /** A gateway that takes no connection on this port is left out while another does; absent: none is looked at. */
  probe: z
    .strictObject({
      port,
      everyMs: z.int().positive().default(5_000),
      timeoutMs: z.int().positive().default(2_000),
    })
    .optional(),
  /** Names of apps for other networks of one's own: `<app>.<team>.<origin>` is the app's Service. */
  internal: z
    .strictObject({
      origin: dnsName,
      /** Who may ask; others are refused. */
      clients: z
        .array(network)
        .default(['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '::1/128', 'fc00::/7']),
    })
    .optional(),
  /** Bounds what is sent to one network over UDP (/24, /56), where senders can be forged; 0 is no bound. */
  rateLimit: z
    .strictObject({
      /** Of the same answer. */
      samePerSec: z.int().min(0).default(20),
      /** Of all answers. */
      allPerSec: z.int().min(0).default(1_000),
      /** Every so many answers that are held back, one goes out without records: who is real asks over TCP. */
      slip: z.int().min(1).default(2),
    })
    .prefault({}),
});

export type DnsConfig = z.input<typeof dnsConfigSchema>;
export type DnsSettings = z.output<typeof dnsConfigSchema>;
