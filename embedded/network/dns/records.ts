import type { Answer } from 'dns-packet';
import type { KindTable } from '../../client/index.ts';
import { isHeadless, isReady } from '../services.ts';

type Service = KindTable['services'];
type EndpointSlice = KindTable['endpointslices'];

/** What the cluster's names are made from. */
export interface NameSource {
  findService(namespace: string, name: string): Service | undefined;
  slicesOf(service: Service): readonly EndpointSlice[];
  findServiceByIp(address: string): Service | undefined;
  /** The headless endpoint with a host name at this address. */
  findEndpointName(address: string): { hostname: string; service: Service } | undefined;
  hasNamespace(namespace: string): boolean;
}

export interface ClusterAnswer {
  /** The name exists, possibly without a record of the type that was asked for. */
  readonly exists: boolean;
  readonly answers: readonly Answer[];
}

const ttl = 5;
const nothing: ClusterAnswer = { exists: false, answers: [] };
const noData: ClusterAnswer = { exists: true, answers: [] };

interface Endpoint {
  readonly address: string;
  readonly label: string;
  readonly ports: readonly { name: string; protocol: string; port: number }[];
}

/**
 * Answers names of the cluster by the "Kubernetes DNS-Based Service Discovery" specification 1.1.0:
 * services, headless services and their hosts, SRV of named ports, pods by address, and PTR.
 */
export class ClusterNames {
  private readonly source: NameSource;
  private readonly domain: string;

  constructor(source: NameSource, domain: string) {
    this.source = source;
    this.domain = domain;
  }

  /** Undefined when the name is not ours to answer. */
  resolve(question: string, type: string): ClusterAnswer | undefined {
    const name = question.toLowerCase().replace(/\.$/, '');
    if (name.endsWith('.in-addr.arpa')) return this.resolveReverse(question, name, type);
    if (name === this.domain) return noData;
    if (!name.endsWith(`.${this.domain}`)) return undefined;
    const labels = name.slice(0, -this.domain.length - 1).split('.');
    const kind = labels.pop();
    if (kind !== 'svc' && kind !== 'pod') return nothing;
    const namespace = labels.pop();
    if (namespace === undefined) return noData;
    if (!this.source.hasNamespace(namespace)) return nothing;
    if (labels.length === 0) return noData;
    return kind === 'pod'
      ? this.resolvePod(question, labels, type)
      : this.resolveService(question, namespace, labels, type);
  }

  /** `10-130-0-7.<namespace>.pod.<domain>`. */
  private resolvePod(question: string, labels: string[], type: string): ClusterAnswer {
    const address = labels.length === 1 ? labels[0]?.replaceAll('-', '.') : undefined;
    if (!address || !/^(\d{1,3}\.){3}\d{1,3}$/.test(address)) return nothing;
    return type === 'A' ? found([{ type: 'A', name: question, ttl, data: address }]) : noData;
  }

  private resolveService(question: string, namespace: string, labels: string[], type: string): ClusterAnswer {
    const service = this.source.findService(namespace, labels.at(-1) ?? '');
    if (!service) return nothing;
    if (service.spec?.type === 'ExternalName') {
      const data = service.spec.externalName ?? '';
      return labels.length === 1 ? found([{ type: 'CNAME', name: question, ttl, data }]) : nothing;
    }
    if (labels.length === 3 && labels[0]?.startsWith('_'))
      return this.resolvePort(question, service, labels, type);
    if (labels.length === 1) return this.resolveName(question, service, type);
    return labels.length === 2 && isHeadless(service)
      ? this.resolveHost(question, service, labels[0] ?? '', type)
      : nothing;
  }

  private resolveName(question: string, service: Service, type: string): ClusterAnswer {
    const endpoints = isHeadless(service) ? this.endpointsOf(service) : [];
    if (type === 'A') {
      const addresses = isHeadless(service)
        ? endpoints.map(({ address }) => address)
        : [service.spec?.clusterIP ?? ''].filter(Boolean);
      if (isHeadless(service) && addresses.length === 0) return nothing;
      return found(
        [...new Set(addresses)].map((data) => ({ type: 'A' as const, name: question, ttl, data })),
      );
    }
    if (type !== 'SRV') return noData;
    return found(
      (service.spec?.ports ?? []).flatMap((port) =>
        this.srvOf(question, service, port.name ?? '', port.protocol ?? 'TCP'),
      ),
    );
  }

  private resolveHost(question: string, service: Service, label: string, type: string): ClusterAnswer {
    const hosts = this.endpointsOf(service).filter((endpoint) => endpoint.label === label);
    if (hosts.length === 0) return nothing;
    return type === 'A'
      ? found(hosts.map(({ address }) => ({ type: 'A', name: question, ttl, data: address })))
      : noData;
  }

  private resolvePort(question: string, service: Service, labels: string[], type: string): ClusterAnswer {
    const [portName = '', protocol = ''] = labels.map((label) => label.replace(/^_/, ''));
    const answers = this.srvOf(question, service, portName, protocol.toUpperCase());
    if (answers.length === 0) return nothing;
    return type === 'SRV' ? found(answers) : noData;
  }

  private srvOf(question: string, service: Service, portName: string, protocol: string): Answer[] {
    const target = this.nameOf(service);
    const record = (port: number, host: string): Answer => ({
      type: 'SRV',
      name: question,
      ttl,
      data: { priority: 0, weight: 100, port, target: host },
    });
    if (!isHeadless(service)) {
      return (service.spec?.ports ?? [])
        .filter((port) => (port.name ?? '') === portName && (port.protocol ?? 'TCP') === protocol)
        .map(({ port }) => record(port, target));
    }
    return this.endpointsOf(service).flatMap(({ ports, label }) =>
      ports
        .filter((port) => port.name === portName && port.protocol === protocol)
        .map(({ port }) => record(port, `${label}.${target}`)),
    );
  }

  private resolveReverse(question: string, name: string, type: string): ClusterAnswer | undefined {
    const address = name.slice(0, -'.in-addr.arpa'.length).split('.').toReversed().join('.');
    const service = this.source.findServiceByIp(address);
    const endpoint = service ? undefined : this.source.findEndpointName(address);
    const data = service
      ? this.nameOf(service)
      : endpoint && `${endpoint.hostname}.${this.nameOf(endpoint.service)}`;
    if (data === undefined) return undefined;
    return type === 'PTR' ? found([{ type: 'PTR', name: question, ttl, data }]) : noData;
  }

  private nameOf(service: Service): string {
    return `${service.metadata?.name ?? ''}.${service.metadata?.namespace ?? ''}.svc.${this.domain}`;
  }

  private endpointsOf(service: Service): Endpoint[] {
    const isAnyoneListed = service.spec?.publishNotReadyAddresses === true;
    return this.source.slicesOf(service).flatMap((slice) => {
      const ports = (slice.ports ?? []).map(({ name = '', protocol = 'TCP', port = 0 }) => ({
        name,
        protocol,
        port,
      }));
      return (slice.endpoints ?? [])
        .filter((endpoint) => isAnyoneListed || isReady(endpoint))
        .flatMap(({ addresses, hostname }) =>
          addresses.map((address) => ({ address, label: hostname ?? address.replaceAll('.', '-'), ports })),
        );
    });
  }
}

function found(answers: readonly Answer[]): ClusterAnswer {
  return { exists: true, answers };
}
