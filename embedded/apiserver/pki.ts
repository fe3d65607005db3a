import { join } from 'node:path';
import { CertificateAuthority, type KeyPair } from '@skyarc/lib/certificates';
import { replaceFile } from '@skyarc/lib/files';
import type { ApiServerConfig } from './config.ts';
import { firstAddress } from './service-addresses.ts';

export const proxyClientName = 'front-proxy-client';

export interface ClusterPki {
  readonly authority: CertificateAuthority;
  readonly server: KeyPair;
  readonly admin: KeyPair;
  /** Shown to extension servers, which believe its holder who a request is from. */
  readonly proxyClient: KeyPair;
}

/** The cluster's authority, the server's certificate and the administrator's, made once and renewed in time. */
export async function ensurePki(config: ApiServerConfig): Promise<ClusterPki> {
  const { pkiDir, instance, clusterDomain } = config;
  const authority = await CertificateAuthority.ensure(pkiDir, `${instance}-ca`);
  const own = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${clusterDomain}`,
  ];
  const addresses = [config.host, '127.0.0.1', firstAddress(config.serviceCidr), config.advertise?.address];
  const names = [...new Set([...own, 'localhost', ...addresses, ...config.names])].filter(
    (name) => name !== undefined,
  );
  const server = await authority.ensureLeaf(pkiDir, 'apiserver', {
    commonName: 'kube-apiserver',
    names: names.filter((name) => name !== '0.0.0.0' && name !== '::'),
    usage: 'server',
  });
  const admin = await authority.ensureLeaf(pkiDir, 'admin', {
    commonName: `${instance}-admin`,
    organizations: ['system:masters'],
    usage: 'client',
  });
  const proxyClient = await authority.ensureLeaf(pkiDir, 'front-proxy-client', {
    commonName: proxyClientName,
    usage: 'client',
  });
  return { authority, server, admin, proxyClient };
}

/** Writes `<folder>/admin.kubeconfig` (JSON, which is YAML too) with everything inside; answers its path. */
export async function writeKubeconfig(
  folder: string,
  options: {
    readonly instance: string;
    readonly url: string;
    readonly caCert: string;
    readonly admin: KeyPair;
  },
): Promise<string> {
  const { instance, url, caCert, admin } = options;
  const user = `${instance}-admin`;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: instance, cluster: { server: url, 'certificate-authority-data': base64(caCert) } }],
    users: [
      {
        name: user,
        user: { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) },
      },
    ],
    contexts: [{ name: instance, context: { cluster: instance, user } }],
    'current-context': instance,
  };
  const file = join(folder, 'admin.kubeconfig');
  await replaceFile(file, `${JSON.stringify(config, null, 2)}\n`);
  return file;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
