import { externalAnnotation, type ExternalState } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { isIPv4 } from 'node:net';
import type { Rendered } from './app.ts';
import { renderAuthSecrets, renderIngresses } from './ingress.ts';
import { labelsOf } from './labels.ts';
import { renderService } from './network.ts';
import { renderNamespace, ofResource } from './objects.ts';
import { renderTeamPolicy } from './policies.ts';
import { mainPortOf, type NetworkSpec, type RenderOptions } from './run-spec.ts';

/** Names us as the one who keeps a slice. */
export const sliceManager = 'skyarc.dev';

type EndpointSlice = KindTable['endpointslices'];
type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];

/** An endpoint as it is offered. */
export interface OfferedEndpoint {
  readonly host: string;
  readonly port: number;
  /** Null when it has none that pods may reach. */
  readonly address: string | null;
  /** Gets requests. */
  readonly isReady: boolean;
}

interface Slice {
  readonly addressType: string;
  readonly ports: EndpointSlice['ports'];
  readonly endpoints: Endpoint[];
}

/** What stands for a third-party app beside its endpoints: a Service that selects nothing, and its routes. */
export function renderExternalApp(spec: NetworkSpec, options: RenderOptions): Rendered[] {
  const service = renderService(spec);
  const { selector: _none, ...body } = service?.spec ?? {};
  const rendered = [
    ofResource('namespaces', renderNamespace(spec)),
    ofResource('networkpolicies', renderTeamPolicy(spec, options)),
    ...renderAuthSecrets(spec).map((one) => ofResource('secrets', one)),
    ofResource('services', service && { ...service, spec: body }),
    ...renderIngresses(spec, options).map((one) => ofResource('ingresses', one)),
  ];
  return rendered.filter((each) => each !== null);
}

/**
 * The endpoints as slices, one for each port and address family; `<app>-external` is always there and bears
 * the state. An endpoint belongs to the port of its own number, else to the main port.
 */
export function renderExternalSlices(
  spec: NetworkSpec,
  endpoints: readonly OfferedEndpoint[],
  state: ExternalState,
): EndpointSlice[] {
  const main = mainPortOf(spec);
  const groups = new Map<string, Slice>();
  for (const { address, port, isReady } of endpoints) {
    const served = spec.ports.find((each) => each.port === port) ?? main;
    if (!address || !served) continue;
    const addressType = isIPv4(address) ? 'IPv4' : 'IPv6';
    const key = `${served.port}/${port}/${addressType}`;
    const protocol = served.protocol === 'UDP' ? 'UDP' : 'TCP';
    const ports = [{ name: `p${served.port}`, port, protocol }];
    const group: Slice = groups.get(key) ?? { addressType, ports, endpoints: [] };
    groups.set(key, group);
    if (group.endpoints.some(({ addresses }) => addresses[0] === address)) continue;
    group.endpoints.push({
      addresses: [address],
      conditions: { ready: isReady, serving: isReady, terminating: false },
    });
  }
  const slices = [...groups.values()];
  const all = slices.length > 0 ? slices : [{ addressType: 'IPv4', ports: [], endpoints: [] }];
  return all.map((slice, index) => ({
    metadata: {
      name: index === 0 ? `${spec.name}-external` : `${spec.name}-external-${index}`,
      namespace: spec.namespace,
      labels: {
        ...labelsOf(spec),
        'kubernetes.io/service-name': spec.name,
        'endpointslice.kubernetes.io/managed-by': sliceManager,
      },
      ...(index === 0 ? { annotations: { [externalAnnotation]: JSON.stringify(state) } } : {}),
    },
    ...slice,
  }));
}
