import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority, type KeyPair } from '@skyarc/lib/certificates';
import { labels, managedByValue } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { isAlreadyExists, type KubeClient } from '@skyarc/lib/kube';

const name = 'skyarc-worker-metrics';
const days = 3_650;

/** What a server of metrics shows, and what it is checked against. */
export interface MetricsIdentity extends KeyPair {
  /** PEM of the authority. */
  readonly authority: string;
}

/** Name of the Service, with that of its certificate. */
export const metricsService = name;

/** The pair that all workers share, in a Secret of the system's namespace; whoever comes first makes it. */
export async function ensureIdentity(kube: KubeClient, namespace: string): Promise<MetricsIdentity> {
  for (let attempt = 1; ; attempt += 1) {
    const secret = await kube.find('secrets', name, namespace);
    const read = (key: string) => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString();
    if (secret) return { cert: read('tls.crt'), key: read('tls.key'), authority: read('ca.crt') };
    if (attempt > 3) throw new AppError('UNAVAILABLE', `Secret "${name}" cannot be made`);
    try {
      await kube.create('secrets', {
        metadata: { name, namespace, labels: { [labels.managedBy]: managedByValue } },
        type: 'kubernetes.io/tls',
        data: await newPair(namespace),
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
}

async function newPair(namespace: string): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-metrics-'));
  try {
    const authority = await CertificateAuthority.ensure(folder, 'skyarc-metrics');
    const names = [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
    const { cert, key } = await authority.issue({ commonName: name, names, usage: 'server', days });
    const texts = { 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.cert };
    return Object.fromEntries(
      Object.entries(texts).map(([file, text]) => [file, Buffer.from(text).toString('base64')]),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
