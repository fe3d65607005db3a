import { l4Annotation } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { labels } from '@skyarc/lib/contracts';
import { labelsOf, selectorOf } from './labels.ts';
import { isJob, type NetworkSpec, transportOf } from './run-spec.ts';
import { headlessName } from './workload.ts';

type Ports = NonNullable<KindTable['services']['spec']>['ports'];

/** `<app>` with all ports, and the gateway's ports that lead to them; null for an app that has none. */
export function renderService(spec: NetworkSpec): KindTable['services'] | null {
  if (spec.ports.length === 0 || isJob(spec)) return null;
  return {
    metadata: {
      name: spec.name,
      namespace: spec.namespace,
      labels: labelsOf(spec),
      ...renderL4(spec),
    },
    spec: {
      type: 'ClusterIP',
      // By name too: the candidate of a grey release has the app's id, but another name.
      selector: { ...selectorOf(spec), [labels.name]: spec.name },
      ports: renderServicePorts(spec),
    },
  };
}

/** Stable names for the pods of a StatefulSet, also while they are not ready. */
export function renderHeadlessService(spec: NetworkSpec): KindTable['services'] | null {
  if (spec.workload !== 'STATEFUL') return null;
  return {
    metadata: { name: headlessName(spec), namespace: spec.namespace, labels: labelsOf(spec) },
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorOf(spec),
      ports: renderServicePorts(spec),
    },
  };
}

export function renderServicePorts({ ports }: Pick<NetworkSpec, 'ports'>): Ports {
  return ports.map(({ port, protocol }) => ({
    name: `p${port}`,
    port,
    targetPort: port,
    protocol: transportOf(protocol),
  }));
}

/** Ports of the gateway, by number; those that lead to a port that the app has not are left out. */
export function renderL4({ l4, ports }: Pick<NetworkSpec, 'l4' | 'ports'>): {
  annotations?: Record<string, string>;
} {
  const has = (one: NetworkSpec['l4'][number]) =>
    ports.some(({ port, protocol }) => port === one.servicePort && transportOf(protocol) === one.protocol);
  const list = l4.filter(has);
  return list.length === 0 ? {} : { annotations: { [l4Annotation]: JSON.stringify(list) } };
}
