import type { KindTable } from '@skyarc/lib/kube';
import type { Endpoint, GatewayObjects } from './model.ts';

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

  /** Key and endpoints of a backend; a text says why there is none. */
  resolve(
    namespace: string,
    ref: { name?: string; port?: { name?: string; number?: number } } | undefined,
  ): { key: string; endpoints: readonly Endpoint[] } | string {
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
    return {
      key: `${namespace}/${ref.name}:${port.port}`,
      endpoints: endpointsOf(slices, port.name ?? ''),
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
        const address = slice.addressType === 'IPv6' ? `[${plain}]` : plain;
        found.set(`${address}:${port}`, [address, port]);
      }
    }
  }
  return [...found].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, endpoint]) => endpoint);
}
