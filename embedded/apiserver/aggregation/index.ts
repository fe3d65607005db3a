import type { KeyPair } from '@skyarc/lib/certificates';
import type { User } from '../auth/index.ts';
import type { Exchange } from '../http/exchange.ts';
import { reviews } from '../http/reviews.ts';
import type { MetricsSource } from '../metrics-source.ts';
import { textAt, type ApiObject, type JsonObject } from '../object.ts';
import type { Registry } from '../registry.ts';
import { UsageApi } from './usage-api.ts';
import { ServiceApi } from './service-api.ts';

/** A group and version that is served by something else than the stored kinds. */
export interface AggregatedApi {
  readonly group: string;
  readonly version: string;
  /** Answers one request that is authenticated and authorized; also for the version's resource list. */
  handle(exchange: Exchange): Promise<void>;
  /** The JSON of a GET on behalf of a user of this process. Throws UNAVAILABLE when nothing answers. */
  read(url: URL, user: User): Promise<JsonObject>;
}

export interface AggregationOptions {
  readonly registry: Registry;
  /** Where metrics.k8s.io comes from; not served without it. */
  readonly metrics: MetricsSource | undefined;
  /** What this server shows to extension servers to prove that it speaks for its users. */
  readonly proxyClient: KeyPair;
}

/**
 * The APIs beside the stored kinds: metrics.k8s.io from the kubelets, and whatever APIServices
 * (apiregistration.k8s.io/v1) with a service name. One with `spec.service: null` means an API that this
 * server serves itself, and changes nothing.
 */
export class Aggregation {
  private readonly options: AggregationOptions;
  private readonly own: readonly AggregatedApi[];
  /** Groups of this server, which are never given away. */
  private readonly reserved: ReadonlySet<string>;

  constructor(options: AggregationOptions) {
    this.options = options;
    this.own = options.metrics ? [new UsageApi(options.registry, options.metrics)] : [];
    this.reserved = new Set([...options.registry.kinds, ...reviews].map(({ group }) => group));
  }

  /** All of them; a service wins over an API of our own. */
  list(): AggregatedApi[] {
    const services = this.services().map((service) => new ServiceApi(service, this.options));
    const isFree = ({ group, version }: AggregatedApi): boolean =>
      !services.some((each) => each.group === group && each.version === version);
    return [...services, ...this.own.filter(isFree)];
  }

  find(group: string, version: string): AggregatedApi | undefined {
    if (this.reserved.has(group)) return undefined;
    return this.list().find((each) => each.group === group && each.version === version);
  }

  private services(): ApiObject[] {
    const { registry } = this.options;
    return registry.reader
      .entries(registry.kindNamed('apiservices'))
      .map(({ object }) => object)
      .filter(({ spec }) => textAt(spec, 'service', 'name') !== '')
      .filter(({ spec }) => !this.reserved.has(textAt(spec, 'group')));
  }
}
