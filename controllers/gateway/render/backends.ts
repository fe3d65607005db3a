import { uriHost } from '@skyarc/lib/address';
import type { BackendRef, Endpoint, EndpointSlice, Service } from './model.ts';

/** Key `<namespace>/<service>:<port>` of the backend that a reference means; a text says why there is none. */
export function resolveBackend(
  service: Service | undefined,
  namespace: string,
  ref: BackendRef,
): { key: string } | string {
  if (!ref?.name) return 'its backend is not a service';
  if (!service) return `service "${ref.name}" does not exist`;
  if (service.spec?.type === 'ExternalName') return `service "${ref.name}" has no endpoints of its own`;
  const port = (service.spec?.ports ?? []).find((each) =>
    ref.port?.name ? each.name === ref.port.name : each.port === ref.port?.number,
  );
  if (!port) return `service "${ref.name}" has no port ${ref.port?.name ?? ref.port?.number ?? ''}`.trimEnd();
  return { key: `${namespace}/${ref.name}:${port.port}` };
}

/** Endpoints of a Service's port that take new requests (ready, not terminating), sorted, each once. */
export function endpointsOf(
  service: Service,
  port: number,
  slices: Iterable<EndpointSlice>,
  protocol: 'TCP' | 'UDP' = 'TCP',
): Endpoint[] {
  const found = new Map<string, Endpoint>();
  const known = service.spec?.ports?.find(
    (each) => each.port === port && (each.protocol ?? 'TCP') === protocol,
  );
  const name = known?.name ?? '';
  for (const slice of slices) {
    const target = (slice.ports ?? []).find((each) => (each.name ?? '') === name)?.port;
    if (!known || !target || slice.addressType === 'FQDN') continue;
    for (const { addresses, conditions } of slice.endpoints ?? []) {
      if (conditions?.ready === false || conditions?.terminating === true) continue;
      for (const plain of addresses) {
        const address = uriHost(plain);
        found.set(`${address}:${target}`, [address, target]);
      }
    }
  }
  return [...found].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/**
 * The service's cluster address, tried when every endpoint known here refuses: while the controller is away
 * the cluster goes on replacing pods, and its own balancing knows the new ones. Null for headless services.
 */
export function addressOf(service: Service, port: number): Endpoint | null {
  const { clusterIP } = service.spec ?? {};
  return clusterIP && clusterIP !== 'None' ? [uriHost(clusterIP), port] : null;
}
