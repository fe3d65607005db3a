import { z } from 'zod';

/** Text that goes into nginx's configuration or a Lua string: nothing that either could read as syntax. */
const safePath = z
  .string()
  .regex(/^\/[A-Za-z0-9._/-]+$/, 'is an absolute path of letters, digits, ".", "_", "-"');
const network = z.string().regex(/^[0-9a-f.:]+(\/\d{1,3})?$/, 'is an IP address or network');
const port = z.int().min(1).max(65_535);

export const gatewayConfigSchema = z.object({
  /** Names what the gateway makes on the host. */
  instance: z.string().default('skyarc'),
  /** Folder of configuration, state, logs and the pid; made when missing. */
  dataDir: safePath,
  kubeconfig: z.string().optional(),
  host: z.union([z.ipv4(), z.ipv6(), z.string().regex(/^\[[0-9a-f:]+\]$/)]).default('127.0.0.1'),
  httpPort: port.default(8080),
  httpsPort: port.default(8443),
  /** HTTP/2 without TLS, for gRPC clients that begin so (h2c by prior knowledge); 0 is none. */
  h2cPort: z.int().min(0).max(65_535).default(0),
  /** Port of HTTPS as people see it, for redirects from HTTP; absent: `httpsPort`. */
  publicHttpsPort: port.optional(),
  /** TCP and UDP ports that are listened on from the start, for Services with the annotation `skyarc.dev/l4`. */
  l4Ports: z
    .object({ first: port, last: port })
    .refine(({ first, last }) => first <= last && last - first < 1_000, 'is a range of at most 1000 ports')
    .optional(),
  /** An L4 connection or UDP session without traffic is ended after this. */
  l4IdleTimeoutMs: z.int().positive().default(600_000),
  statusHost: z.string().default('127.0.0.1'),
  statusPort: z.int().min(0).max(65_535).default(10_254),
  /**
   * Whether this machine reaches cluster addresses of services, as the nodes of a cluster do. They are then tried
   * when every endpoint known here refuses.
   */
  reachesServices: z.boolean().default(false),
  /** Value of ingressClassName, and name of the IngressClass, that this gateway serves. */
  ingressClass: z.string().default('skyarc'),
  /** Written to status.loadBalancer of each Ingress: where people reach this gateway. */
  publicAddresses: z
    .array(z.object({ ip: z.string().optional(), hostname: z.string().optional() }))
    .default([{ ip: '127.0.0.1' }]),
  /** Names in the certificate for hosts that bring none. */
  defaultCertificateNames: z.array(z.string()).default(['localhost']),
  /** Balancers in front of this gateway, whose X-Forwarded-For and -Proto are believed. */
  trustedProxies: z.array(network).default([]),
  workers: z.int().min(1).max(64).default(2),
  /** Of clients and apps together, of each worker; memory is taken for all of them at the start, 430 bytes each. */
  workerConnections: z.int().min(64).max(1_048_576).default(2_560),
  /** Unprivileged user of nginx's workers when the gateway runs as root. */
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]*$/)
    .default('www-data'),
  nginxCommand: z.string().default('nginx'),
  modulesDir: safePath.default('/usr/lib/nginx/modules'),
  connectTimeoutMs: z.int().positive().default(2_000),
  /** Longest silence of an app between two reads, and of a client between two writes. */
  readTimeoutMs: z.int().positive().default(60_000),
  /** Largest request body; 0 is unlimited, as bodies are streamed and never touch the disk. */
  maxBodyBytes: z.int().min(0).default(0),
  /** Longest time for the header of a request. */
  headerTimeoutMs: z.int().positive().default(10_000),
  /** Longest silence of a client between two reads of its body. */
  bodyTimeoutMs: z.int().positive().default(30_000),
  stateMemoryMb: z.int().min(4).max(4_096).default(64),
  /** JSON lines to `<dataDir>/logs/access.log`. */
  accessLog: z.boolean().default(false),
  /** A log is rotated at this size; one older file is kept. */
  maxLogBytes: z
    .int()
    .positive()
    .default(64 * 1024 ** 2),
  /** How often everything is compared with the cluster and with nginx. */
  syncEveryMs: z.int().positive().default(10_000),
});
export type GatewayConfig = z.input<typeof gatewayConfigSchema>;
export type GatewaySettings = z.output<typeof gatewayConfigSchema>;
