import { isIPv4 } from 'node:net';
import { labels, managedByValue } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { ensureObject, type KubeClient } from '@skyarc/lib/kube';
import { metricsService } from './identity.ts';
import { metricsGroup } from './metrics-api.ts';

export interface Place {
  readonly namespace: string;
  /** Where the API server reaches us. */
  readonly address: string;
  readonly port: number;
  /** PEM of the authority that our certificate is of. */
  readonly authority: string;
}

/**
 * Makes the cluster ask us for external metrics. Throws CONFLICT when another program answers for them already:
 * that is left as it is.
 */
export async function registerMetrics(kube: KubeClient, place: Place): Promise<void> {
  const { namespace, address, port, authority } = place;
  const { group, version } = metricsGroup;
  const name = `${version}.${group}`;
  const existing = await kube.find('apiservices', name);
  if (existing && existing.metadata?.labels?.[labels.managedBy] !== managedByValue) {
    throw new AppError(
      'CONFLICT',
      `APIService "${name}" is of another program; request rates are not offered`,
    );
  }
  const ours = { [labels.managedBy]: managedByValue };
  await ensureObject(kube, 'services', {
    metadata: { name: metricsService, namespace, labels: ours },
    spec: { ports: [{ name: 'https', port: 443, targetPort: port, protocol: 'TCP' }] },
  });
  await ensureObject(kube, 'endpointslices', {
    metadata: {
      name: metricsService,
      namespace,
      labels: {
        ...ours,
        'kubernetes.io/service-name': metricsService,
        'endpointslice.kubernetes.io/managed-by': 'skyarc.dev',
      },
    },
    addressType: isIPv4(address) ? 'IPv4' : 'IPv6',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  });
  await ensureObject(kube, 'apiservices', {
    metadata: { name, labels: ours },
    spec: {
      group,
      version,
      groupPriorityMinimum: 100,
      versionPriority: 100,
      caBundle: Buffer.from(authority).toString('base64'),
      service: { name: metricsService, namespace, port: 443 },
    },
  });
}
