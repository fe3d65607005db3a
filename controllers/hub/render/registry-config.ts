import { join } from 'node:path';
import { stringify } from 'yaml';
import { type HubSettings, serviceName, tokenUrlOf } from '../config.ts';

/**
 * Configuration of Distribution 2.8 (https://distribution.github.io/distribution/about/configuration/). No cache of
 * blob descriptors: it would say that blobs are there which garbage collection has taken. Warnings stay out of the log, as
 * every client that is asked to log in is one.
 */
export function renderRegistryConfig(
  config: HubSettings,
  { certFile, httpSecret }: { readonly certFile: string; readonly httpSecret: string },
): string {
  return stringify({
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
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
      // Or an upload that it began before it was started again could not be ended.
      secret: httpSecret,
      headers: { 'X-Content-Type-Options': ['nosniff'] },
      ...(config.metricsPort === undefined
        ? {}
        : { debug: { addr: `${config.host}:${config.metricsPort}`, prometheus: { enabled: true } } }),
    },
  });
}
