import { join } from 'node:path';
import { z } from 'zod';

const size = (fallback: number) => z.number().int().positive().default(fallback);

export const chaosConfigSchema = z.object({
  /** Names everything made on the host. */
  instance: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,20}$/)
    .default('skyarc'),
  /** This builder among those of the data centre; its leftovers are cleared when it starts. */
  node: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,30}$/)
    .default('local'),
  host: z.string().default('127.0.0.1'),
  /** `/metrics` and `/healthz`. */
  statusPort: z.number().int().min(0).default(3228),
  /** Caches, host keys, base image and runtimes. No ":" or "," in it, which overlayfs could not take. */
  dataDir: z.string().regex(/^\/[^:,]+$/, 'must be an absolute path without ":" and ","'),
  /** Base image and runtimes; below `dataDir` when absent. */
  layersDir: z.string().startsWith('/').optional(),
  /** Archives that teams uploaded, `<team>/<sha256>`, as the API keeps them; below `dataDir` when absent. */
  uploadsDir: z.string().startsWith('/').optional(),
  /** Mounts and sockets of running builds. */
  runDir: z.string().startsWith('/').default('/run'),
  /** The registry as this machine reaches it. */
  registryUrl: z.url().default('http://127.0.0.1:5000'),
  /** Built-in template apps, one folder each. */
  samplesDir: z.string().default(join(import.meta.dirname, '../../samples')),
  /** A base image of Debian's packages that is older is made anew; what was built can then be rebased. */
  baseMaxAgeDays: size(30),
  /** Builds at once. */
  slots: size(2),
  /** The data centre's packages, for all builds; null: builds go to the registries themselves. */
  repo: z
    .object({
      url: z.url({ protocol: /^http$/ }),
      /** Private key (PEM) of the grants by which builds read their team's packages. */
      grantKey: z.string().min(1),
    })
    .nullable()
    .default(null),
  /** Teams whose builds may reach every public address, `*` for all; others reach packages and their source. */
  openTeams: z.array(z.string()).default([]),
  /** Settings of package clients that builds may know, e.g. `PIP_INDEX_URL`; see `clientEnvironmentOf`. */
  clientEnv: z.record(z.string(), z.string()).default({}),
  limits: z
    .object({
      fetchTimeoutMs: size(300_000),
      /** Of the unpacked files of an upload, and the disk of a check before an app is made. */
      sourceMb: size(4_096),
      /** Whole time of such a check. */
      examineTimeoutMs: size(600_000),
      /** Processes and threads of one build. */
      processes: size(1024),
      /** Lines and bytes of one build's log; what comes after is counted, not kept. */
      logLines: size(50_000),
      logBytes: size(8 << 20),
      /** Disk that the caches of all apps may take together. */
      cacheMb: size(20_480),
      /** How long a registry that is away is waited for. */
      registryPatienceMs: size(300_000),
    })
    .prefault({}),
});

export type ChaosConfig = z.input<typeof chaosConfigSchema>;
export type ResolvedChaosConfig = z.output<typeof chaosConfigSchema>;

/** Folder of mounts, namespaces' names and containers of this builder. */
export function roomOf(config: ResolvedChaosConfig): string {
  return join(config.runDir, `${config.instance}-chaos-${config.node}`);
}

/** How the claims of this builder begin, whatever process it lives in. */
export function ownerPrefixOf({ instance, node }: Pick<ResolvedChaosConfig, 'instance' | 'node'>): string {
  return `${instance}-${node}-`;
}
