import { join } from 'node:path';
import { stringify } from 'yaml';
import { type HubSettings, serviceName, tokenUrlOf } from '../config.ts';

/**
 * Configuration of Distribution 2.8 (https://distribution.github.io/distribution/about/configuration/). No cache of
 * blob descriptors: it would say that blobs are there which garbage collection has taken.
 */
export function renderRegistryConfig(config: HubSettings, certFile: string): string {
  return stringify({
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(config.dataDir, 'store') },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: true, age: '24h', interval: '24h', dryrun: false } },
    },
    auth: {
      token: {
        realm: tokenUrlOf(config),
        service: serviceName,
        issuer: serviceName,
        rootcertbundle: certFile,
      },
    },
    http: {
      addr: `${config.host}:${config.port}`,
      headers: { 'X-Content-Type-Options': ['nosniff'] },
    },
  });
}
