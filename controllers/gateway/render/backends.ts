import type { KindTable } from '@skyarc/lib/kube';
import type { Backend, Endpoint, GatewayObjects } from './model.ts';

type Service = KindTable['services'];
type EndpointSlice = KindTable['endpointslices'];

/** Finds services and their endpoints by reference; indexes the objects once. */
export class BackendIndex {
  private readonly services = new Map<string, Service>();
  private readonly slices = new Map<string, EndpointSlice[]>();

  constructor(objects: Pick<GatewayObjects, 'services' | 'endpointSlices'>) {
    for (const service of objects.services) {
      this.services.set(`${service.metadata?.namespace}/${service.metadata?.name}`, service);
    }
    for (const slice of objects.endpointSlices) {
      const service = slice.metadata?.labels?.['kubernetes.io/service-name'];
      if (!service) continue;
      const key = `${slice.metadata?.namespace}/${service}`;
      const known = this.slices.get(key);
      if (known) known.push(slice);
      else this.slices.set(key, [slice]);
    }
  }

  /** Key, endpoints and the service's own address of a backend; a text says why there is none. */
  resolve(
    namespace: string,
    ref: { name?: string; port?: { name?: string; number?: number } } | undefined,
  ): { key: string; backend: Backend } | string {
    if (!ref?.name) return 'its backend is not a service';
    const service = this.services.get(`${namespace}/${ref.name}`);
    if (!service) return `service "${ref.name}" does not exist`;
    if (service.spec?.type === 'ExternalName') return `service "${ref.name}" has no endpoints of its own`;
    const port = (service.spec?.ports ?? []).find((each) =>
      ref.port?.name ? each.name === ref.port.name : each.port === ref.port?.number,
    );
    if (!port)
      return `service "${ref.name}" has no port ${ref.port?.name ?? ref.port?.number ?? ''}`.trimEnd();
    const slices = this.slices.get(`${namespace}/${ref.name}`) ?? [];
    const { clusterIP } = service.spec ?? {};
    const hasAddress = clusterIP && clusterIP !== 'None';
    return {
      key: `${namespace}/${ref.name}:${port.port}`,
      backend: {
        endpoints: endpointsOf(slices, port.name ?? ''),
        service: hasAddress ? [bracketed(clusterIP), port.port] : null,
      },
    };
  }
}

/** Endpoints that take new requests (ready, not terminating), sorted, each once. */
function endpointsOf(slices: readonly EndpointSlice[], portName: string): Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const slice of slices) {
    const port = (slice.ports ?? []).find((each) => (each.name ?? '') === portName)?.port;
    if (!port || slice.addressType === 'FQDN') continue;
    for (const { addresses, conditions } of slice.endpoints ?? []) {
      if (conditions?.ready === false || conditions?.terminating === true) continue;
      for (const plain of addresses) {
        const address = bracketed(plain);
        found.set(`${address}:${port}`, [address, port]);
      }
    }
  }
  return [...found].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/** An address as nginx writes it before a port. */
function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
