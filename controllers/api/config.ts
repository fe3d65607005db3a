import { dataCenterName } from '@skyarc/lib/contracts';
import { z } from 'zod';

const port = z.int().min(0).max(65_535);

export const apiConfigSchema = z.object({
  host: z.string().default('127.0.0.1'),
  port: port.default(9443),
  statusHost: z.string().default('127.0.0.1'),
  statusPort: port.default(9444),
  /** Name of this data centre: the prefix of all ids made here. */
  dataCenter: dataCenterName.default('local'),
  version: z.string().default('0.1.0'),
  /** PEM texts: our certificate and key, and the authority whose clients are let in. */
  tls: z.object({ ca: z.string(), cert: z.string(), key: z.string() }),
  /** Subject common names of the clients that are let in. */
  clientNames: z.array(z.string()).default(['console']),
  /** Domain below which apps get their default hosts. */
  domain: z.string().default('skyarc.localhost'),
  gatewayHttpPort: port.default(8080),
  gatewayHttpsPort: port.default(8443),
  /** Base addresses of the gateways' status servers, for explanations and live figures of routes. */
  gatewayUrls: z.array(z.url()).default([]),
  /** Base addresses of the status servers of apps' names for other networks. */
  dnsUrls: z.array(z.url()).default([]),
  /** TCP and UDP ports that the gateways listen on for apps; absent: none. */
  l4Ports: z.object({ first: z.int().min(1).max(65_535), last: z.int().min(1).max(65_535) }).optional(),
  /** Monitors, and what they let in by; absent: nothing is measured. */
  monitor: z.object({ urls: z.array(z.url()), token: z.string() }).optional(),
  /** Services whose health is shown; `url` answers 200 when healthy, else the reason as text. */
  services: z.array(z.object({ name: z.string(), url: z.url() })).default([]),
  /** Terminals: where each webcli is, and the PEM text of the key that grants are signed with. */
  terminals: z.object({ urls: z.array(z.url()), grantKey: z.string() }).optional(),
  /**
   * Archives that teams upload: the folder, which builders must see, too; the PEM text of the key that grants
   * are signed with; limits of one file and of all of a team. Absent: none are taken.
   */
  uploads: z
    .object({
      folder: z.string().startsWith('/'),
      grantKey: z.string(),
      maxBytes: z
        .int()
        .positive()
        .default(2 * 2 ** 30),
      teamBytes: z
        .int()
        .positive()
        .default(20 * 2 ** 30),
    })
    .optional(),
  /** Whether pods reach discovery, so that apps can have a mesh. */
  hasMesh: z.boolean().default(false),
  /** The registry of images, for downloads of versions; absent: there are none. */
  registryUrl: z.url().optional(),
  /** How often tasks are looked for that could not be published at once. */
  relayEveryMs: z.int().positive().default(250),
  /** How often a subscription looks again even when nobody told of a change. */
  refreshEveryMs: z.int().positive().default(15_000),
});
export type ApiConfig = z.input<typeof apiConfigSchema>;
export type ResolvedApiConfig = z.output<typeof apiConfigSchema>;
