import { join } from 'node:path';
import { stringify } from 'yaml';

/** Configuration of Distribution 2.8 (https://distribution.github.io/distribution/about/configuration/). */
export function renderRegistryConfig(config: {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
}): string {
  return stringify({
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      cache: { blobdescriptor: 'inmemory' },
      filesystem: { rootdirectory: join(config.dataDir, 'store') },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: true, age: '24h', interval: '24h', dryrun: false } },
    },
    http: {
      addr: `${config.host}:${config.port}`,
      headers: { 'X-Content-Type-Options': ['nosniff'] },
    },
  });
}
