import { at, listAt, textAt, type ApiObject } from '../object.ts';
import type { Registry } from '../registry.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Where the Service of an APIService is reached from this process, in random order: its ready endpoints, or the
 * name of an ExternalName service. Empty when there is none.
 */
export function addressesOf(registry: Registry, { spec }: ApiObject): Address[] {
  const [name, namespace] = [textAt(spec, 'service', 'name'), textAt(spec, 'service', 'namespace')];
  const port = Number(at(spec, 'service', 'port') ?? 443);
  const service = registry.reader.find(registry.kindNamed('services', ''), namespace, name)?.object;
  if (!service) return [];
  if (textAt(service, 'spec', 'type') === 'ExternalName')
    return [{ host: textAt(service, 'spec', 'externalName'), port }];
  const portName = listAt(service, 'spec', 'ports').find((each) => each['port'] === port)?.['name'];
  return registry.reader
    .entries(registry.kindNamed('endpointslices'))
    .map(({ object }) => object)
    .filter(({ metadata }) => metadata.namespace === namespace)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name)
    .flatMap((slice) => {
      const own = listAt(slice, 'ports').find((each) => (each['name'] ?? '') === (portName ?? ''));
      const ready = listAt(slice, 'endpoints').filter((each) => at(each, 'conditions', 'ready') !== false);
      return ready.flatMap(({ addresses }) =>
        own && Array.isArray(addresses)
          ? addresses.map((host) => ({ host: String(host), port: Number(own['port']) }))
          : [],
      );
    })
    .map((address) => ({ address, rank: Math.random() }))
    .toSorted((left, right) => left.rank - right.rank)
    .map(({ address }) => address);
}
