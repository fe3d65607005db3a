import { z } from 'zod';

const size = (fallback: number) => z.number().int().positive().default(fallback);
const urls = z.array(z.url({ protocol: /^https?$/ })).optional();

export const repoConfigSchema = z.object({
  host: z.string().default('127.0.0.1'),
  /** Port of all formats and the browse page. */
  port: z.number().int().min(0).max(65_535).default(8081),
  /** `/metrics` and `/healthz`; 0 picks a free one. */
  statusPort: z.number().int().min(0).default(8082),
  /** Cached files, private packages and the catalogue of both. */
  dataDir: z.string().min(1),
  /** Public key (PEM) of the grants that teams and builds show. */
  grantKey: z.string().min(1),
  /** Whether a client without a grant may read what is public. */
  anonymousRead: z.boolean().default(true),
  /** Upstreams in order; what is absent comes from this machine's own clients. Empty: none is asked. */
  upstreams: z
    .object({
      npm: urls,
      pypi: urls,
      maven: urls,
      go: urls,
      composer: urls,
      rubygems: urls,
      debian: urls,
    })
    .prefault({}),
  /** Environment of package clients on this machine: proxies, `npm_config_registry`, `PIP_INDEX_URL`, `GOPROXY`, `COMPOSER_HOME`. */
  clientEnv: z.record(z.string(), z.string()).default({}),
  limits: z
    .object({
      /** Disk that cached files may take together; those not used for the longest time go first. */
      cacheMb: size(20_480),
      /** One file from an upstream. */
      fileMb: size(2_048),
      /** One index, e.g. the description of an npm package with all its versions. */
      indexMb: size(128),
      /** One published file. */
      publishMb: size(512),
      /** How long an upstream may be silent. */
      upstreamTimeoutMs: size(30_000),
      /** How long an upstream that did not answer is not asked again. */
      upstreamRestMs: size(5_000),
      /** How long an index of an upstream is served before it is asked again. */
      indexMaxAgeMs: size(300_000),
    })
    .prefault({}),
});

export type RepoConfig = z.input<typeof repoConfigSchema>;
export type ResolvedRepoConfig = z.output<typeof repoConfigSchema>;
