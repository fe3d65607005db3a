import { AppError, messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import type { JsonObject } from './object.ts';
import type { Registry } from './registry.ts';
import { defaultRoles } from './default-roles.ts';
import { proxyClientName } from './pki.ts';
import { firstAddress } from './service-addresses.ts';

export interface DefaultsOptions {
  readonly serviceCidr: string;
  /** Certificate authority that pods check this server by, PEM. */
  readonly caCert: string;
  readonly log: Logger;
  /** Where pods reach this server; no endpoint when absent. */
  readonly advertise?: { readonly address: string; readonly port: number };
}

const builtInNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];
const priorities: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

/**
 * What every cluster has: its first namespaces, priority classes, the `kubernetes` service, and in each
 * namespace the `default` service account and the authority's certificate. Goes on until the returned
 * function is called.
 */
export async function keepDefaults(registry: Registry, options: DefaultsOptions): Promise<() => void> {
  for (const name of builtInNamespaces)
    await ensure(registry, 'namespaces', undefined, { metadata: { name } });
  for (const [name, value] of Object.entries(priorities)) {
    await ensure(registry, 'priorityclasses', undefined, { metadata: { name }, value });
  }
  for (const [resource, objects] of Object.entries(defaultRoles)) {
    for (const object of objects) await ensure(registry, resource, undefined, object);
  }
  await ensure(registry, 'configmaps', 'kube-system', extensionTrust(options.caCert));
  await ensureOwnService(registry, options);
  const fill = (namespace: string): void => {
    void fillNamespace(registry, namespace, options.caCert).catch((error: unknown) => {
      const isEnding =
        error instanceof AppError && (error.code === 'NOT_FOUND' || error.code === 'FORBIDDEN');
      if (isEnding) return;
      options.log.warn({ namespace, reason: messageOf(error) }, 'cannot fill namespace');
    });
  };
  for (const entry of registry.reader.entries(registry.kindNamed('namespaces'))) {
    await fillNamespace(registry, entry.object.metadata.name, options.caCert);
  }
  const from = { resourceVersion: String(registry.reader.revision) };
  const stops = [
    registry.reader.watch(registry.kindNamed('namespaces'), from, (type, entry) => {
      if (type === 'ADDED') fill(entry.object.metadata.name);
    }),
    ...['serviceaccounts', 'configmaps'].map((resource) =>
      registry.reader.watch(registry.kindNamed(resource), from, (type, entry) => {
        if (type === 'DELETED') fill(entry.object.metadata.namespace ?? '');
      }),
    ),
  ];
  return () => stops.forEach((stop) => stop());
}

/** How extension servers know a request that this server passes on for a user. */
function extensionTrust(caCert: string) {
  return {
    metadata: { name: 'extension-apiserver-authentication' },
    data: {
      'client-ca-file': caCert,
      'requestheader-client-ca-file': caCert,
      'requestheader-allowed-names': JSON.stringify([proxyClientName]),
      'requestheader-username-headers': '["X-Remote-User"]',
      'requestheader-uid-headers': '["X-Remote-Uid"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    },
  };
}

async function fillNamespace(registry: Registry, namespace: string, caCert: string): Promise<void> {
  const entry = registry.reader.find(registry.kindNamed('namespaces'), undefined, namespace);
  if (!entry || entry.object.metadata.deletionTimestamp) return;
  await ensure(registry, 'serviceaccounts', namespace, { metadata: { name: 'default' } });
  await ensure(registry, 'configmaps', namespace, {
    metadata: { name: 'kube-root-ca.crt' },
    data: { 'ca.crt': caCert },
  });
}

async function ensureOwnService(registry: Registry, options: DefaultsOptions): Promise<void> {
  await ensure(registry, 'services', 'default', {
    metadata: { name: 'kubernetes', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP: firstAddress(options.serviceCidr),
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: options.advertise?.port ?? 443 }],
    },
  });
  if (!options.advertise) return;
  const { address, port } = options.advertise;
  const slice = {
    metadata: { name: 'kubernetes', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
  const endpoints = {
    metadata: { name: 'kubernetes', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: [{ ip: address }], ports: slice.ports }],
  };
  for (const [resource, object] of [
    ['endpointslices', slice],
    ['endpoints', endpoints],
  ] as const) {
    await ensure(registry, resource, 'default', object);
    await registry.update(
      registry.kindNamed(resource),
      { namespace: 'default', name: 'kubernetes' },
      () => object,
    );
  }
}

async function ensure(
  registry: Registry,
  resource: string,
  namespace: string | undefined,
  object: JsonObject & {
    readonly metadata: { readonly name: string; readonly labels?: Record<string, string> };
  },
): Promise<void> {
  const kind = registry.kindNamed(resource);
  if (registry.reader.find(kind, namespace, object.metadata.name)) return;
  await registry.create(kind, namespace, object).catch((error: unknown) => {
    if (!(error instanceof AppError && error.details['reason'] === 'AlreadyExists')) throw error;
  });
}
