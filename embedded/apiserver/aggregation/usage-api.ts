import { badRequest, notFound } from '../errors.ts';
import { sendJson, type Exchange } from '../http/exchange.ts';
import { notAllowed, notServed, targetOf, type Target } from '../http/target.ts';
import type { MetricsSource, NodeUsage, PodUsage } from '../metrics-source.ts';
import type { JsonObject } from '../object.ts';
import { matcherOf } from '../query.ts';
import type { Registry } from '../registry.ts';
import type { AggregatedApi } from './index.ts';

const group = 'metrics.k8s.io';
const version = 'v1beta1';
const apiVersion = `${group}/${version}`;
const resources = [
  { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get', 'list'] },
  { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] },
];

/** metrics.k8s.io/v1beta1: what nodes and pods use now, as `kubectl top` and autoscalers read it. */
export class UsageApi implements AggregatedApi {
  readonly group = group;
  readonly version = version;
  private readonly registry: Registry;
  private readonly source: MetricsSource;

  constructor(registry: Registry, source: MetricsSource) {
    this.registry = registry;
    this.source = source;
  }

  async handle({ request, response, path, query }: Exchange): Promise<void> {
    if (request.method !== 'GET') throw notAllowed();
    sendJson(response, 200, await this.answer(path, query));
  }

  read(url: URL): Promise<JsonObject> {
    return this.answer(url.pathname, url.searchParams);
  }

  private async answer(path: string, query: URLSearchParams): Promise<JsonObject> {
    const target = targetOf(path);
    if (!target) return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources };
    if (target.subresource) throw notServed();
    if (target.resource === 'nodes') return this.nodes(target, query);
    if (target.resource === 'pods') return this.pods(target, query);
    throw notServed();
  }

  private async nodes({ name }: Target, query: URLSearchParams): Promise<JsonObject> {
    const chosen = this.labelsOf('nodes', query);
    const items = (await this.source.nodeMetrics()).flatMap((usage) => {
      const labels = chosen.get(usage.name);
      return labels ? [nodeMetrics(usage, labels)] : [];
    });
    return oneOrAll('nodes', name, items);
  }

  private async pods({ name, namespace }: Target, query: URLSearchParams): Promise<JsonObject> {
    const chosen = this.labelsOf('pods', query, namespace);
    const items = (await this.source.podMetrics()).flatMap((usage) => {
      const labels = chosen.get(`${usage.namespace}/${usage.name}`);
      return labels ? [podMetrics(usage, labels)] : [];
    });
    return oneOrAll('pods', name, items);
  }

  /** Labels of the objects that the request selects, by namespace and name. */
  private labelsOf(
    plural: 'nodes' | 'pods',
    query: URLSearchParams,
    namespace?: string,
  ): Map<string, Record<string, string>> {
    const kind = this.registry.kindNamed(plural, '');
    const labelSelector = query.get('labelSelector') ?? undefined;
    const fieldSelector = query.get('fieldSelector') ?? undefined;
    if (query.get('watch') === 'true') throw badRequest('usage cannot be watched');
    const matches = matcherOf(kind, { namespace, labelSelector, fieldSelector });
    return new Map(
      this.registry.reader
        .entries(kind)
        .filter(matches)
        .map(({ object: { metadata } }) => [
          metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name,
          metadata.labels ?? {},
        ]),
    );
  }
}

function oneOrAll(
  plural: string,
  name: string | undefined,
  items: (JsonObject & { metadata: { name: string } })[],
): JsonObject {
  if (name === undefined) {
    const kind = plural === 'nodes' ? 'NodeMetricsList' : 'PodMetricsList';
    return { kind, apiVersion, metadata: {}, items };
  }
  const found = items.find(({ metadata }) => metadata.name === name);
  if (!found) throw notFound({ group, plural }, name);
  return found;
}

function nodeMetrics(usage: NodeUsage, labels: Record<string, string>) {
  const { name, timestamp } = usage;
  return {
    kind: 'NodeMetrics',
    apiVersion,
    metadata: { name, labels, creationTimestamp: timestamp },
    timestamp,
    window: `${usage.windowSeconds}s`,
    usage: amountsOf(usage),
  };
}

function podMetrics(usage: PodUsage, labels: Record<string, string>) {
  const { name, namespace, timestamp } = usage;
  return {
    kind: 'PodMetrics',
    apiVersion,
    metadata: { name, namespace, labels, creationTimestamp: timestamp },
    timestamp,
    window: `${usage.windowSeconds}s`,
    containers: usage.containers.map((each) => ({ name: each.name, usage: amountsOf(each) })),
  };
}

function amountsOf(usage: { cpuNanoCores: number; memoryWorkingSetBytes: number }): JsonObject {
  return {
    cpu: `${Math.round(usage.cpuNanoCores)}n`,
    memory: `${Math.round(usage.memoryWorkingSetBytes / 1_024)}Ki`,
  };
}
