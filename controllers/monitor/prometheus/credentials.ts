import { mkdir } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { writeIfChanged } from './files.ts';

/** Files with which Prometheus is let in at the Kubernetes API; what the kubeconfig has not is absent. */
export interface ClusterCredentials {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly skipsVerification: boolean;
}

/**
 * Writes what the kubeconfig says into files that only we may read, tokens of programs and files too; called again
 * before they end, as Prometheus reads them at each connection.
 */
export async function writeCredentials(kubeConfig: KubeConfig, folder: string): Promise<ClusterCredentials> {
  const options: RequestOptions = {};
  await kubeConfig.applyToHTTPSOptions(options);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const put = async (name: string, content: string | Buffer | undefined): Promise<string | undefined> => {
    if (!content) return undefined;
    const file = join(folder, name);
    await writeIfChanged(file, content.toString());
    return file;
  };
  const headers = options.headers as Readonly<Record<string, string>> | undefined;
  const [, token] = /^Bearer (.+)$/.exec(headers?.['Authorization'] ?? '') ?? [];
  return {
    caFile: await put('ca.crt', options.ca as Buffer | undefined),
    certFile: await put('client.crt', options.cert as Buffer | undefined),
    keyFile: await put('client.key', options.key as Buffer | undefined),
    tokenFile: await put('token', token),
    skipsVerification: options.rejectUnauthorized === false,
  };
}
