import { formatQuantity, quantityOrZero } from '../../client/quantity.ts';
import { msOf, resourceOf, kinds, type Autoscaler, type LabelSelector, type Pod } from '../kinds.ts';
import { isReady } from '../pods.ts';
import {
  byAverage,
  byShare,
  byUtilization,
  byValue,
  requestOf,
  type PodSample,
  type Proposal,
  type ScalingRules,
} from './replicas.ts';

export type Metric = NonNullable<NonNullable<Autoscaler['spec']>['metrics']>[number];
export type MetricStatus = NonNullable<NonNullable<Autoscaler['status']>['currentMetrics']>[number];
type Target = NonNullable<Metric['resource']>['target'];

/** GET of an API that is not stored, by path and query, as JSON. */
export type ReadApi = (path: string) => Promise<unknown>;

export interface MetricContext {
  readonly read: ReadApi;
  readonly namespace: string;
  /** The target's selector, and the pods that it selects. */
  readonly selector: LabelSelector | undefined;
  readonly pods: readonly Pod[];
  readonly current: number;
  readonly rules: ScalingRules;
  readonly now: number;
}

export interface MetricProposal {
  readonly replicas: number;
  readonly status: MetricStatus;
  /** What it is about, for the event of a change. */
  readonly about: string;
}

/** What one metric of an autoscaler wants. Throws with the reason when it cannot be read. */
export function proposeBy(metric: Metric, context: MetricContext): Promise<MetricProposal> {
  switch (metric.type) {
    case 'Resource':
      return byResource(metric, context);
    case 'ContainerResource':
      return byResource(metric, context, metric.containerResource?.container);
    case 'Pods':
      return byPods(metric, context);
    case 'Object':
      return byObject(metric, context);
    case 'External':
      return byExternal(metric, context);
    default:
      return Promise.reject(new Error(`unknown metric source type "${metric.type}"`));
  }
}

/** Reason of the condition and event when a metric of this type cannot be read. */
export function failureReasonOf({ type }: Metric): string {
  return `FailedGet${type}Metric`;
}

async function byResource(
  metric: Metric,
  context: MetricContext,
  container?: string,
): Promise<MetricProposal> {
  const source = metric.containerResource ?? metric.resource;
  if (!source) throw new Error('the metric names no resource');
  const { name, target } = source;
  const samples = await usageSamples(context, name, container);
  const isCpu = name === 'cpu';
  const question = { ...context, samples, isCpu };
  let proposal: Proposal;
  if (target.averageUtilization !== undefined && target.averageUtilization !== null)
    proposal = byUtilization(question, target.averageUtilization, requestsOf(context.pods, name, container));
  else proposal = byAverage(question, amountOf(target.averageValue) * (isCpu ? 1_000 : 1));
  const current = {
    averageValue: isCpu ? `${Math.ceil(proposal.average)}m` : formatQuantity(Math.ceil(proposal.average)),
    averageUtilization: proposal.utilization,
  };
  const status: MetricStatus = container
    ? { type: 'ContainerResource', containerResource: { name, container, current } }
    : { type: 'Resource', resource: { name, current } };
  const unit = proposal.utilization === undefined ? 'average value' : 'utilization (percentage of request)';
  const about = container ? `${name} container resource ${unit}` : `${name} resource ${unit}`;
  return { replicas: proposal.replicas, status, about };
}

function requestsOf(pods: readonly Pod[], resource: string, container?: string): Map<string, number> {
  return new Map(
    pods.map((pod) => {
      const name = pod.metadata?.name ?? '';
      const request = requestOf(pod, resource, container);
      if (request === undefined) throw new Error(`missing request for ${resource} in pod ${name}`);
      return [name, request];
    }),
  );
}

interface PodMetrics {
  readonly metadata?: { readonly name?: string };
  readonly timestamp?: string;
  readonly window?: string;
  readonly containers?: readonly { readonly name: string; readonly usage: Record<string, string> }[];
}

/** Usage of the selected pods from metrics.k8s.io, cpu in millicores. */
async function usageSamples(
  { read, namespace, selector }: MetricContext,
  resource: string,
  container?: string,
): Promise<Map<string, PodSample>> {
  const query = new URLSearchParams({ labelSelector: selectorQuery(selector) });
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods?${query.toString()}`;
  const { items = [] } = (await read(path)) as { items?: readonly PodMetrics[] };
  const samples = new Map<string, PodSample>();
  for (const { metadata, timestamp, window, containers = [] } of items) {
    const chosen = containers.filter(({ name }) => !container || name === container);
    if (chosen.length === 0 || chosen.some(({ usage }) => usage[resource] === undefined)) continue;
    const value = chosen.reduce((sum, { usage }) => sum + quantityOrZero(usage[resource]), 0);
    samples.set(metadata?.name ?? '', {
      value: value * (resource === 'cpu' ? 1_000 : 1),
      atMs: msOf(timestamp),
      windowMs: Number.parseFloat(window ?? '0') * 1_000,
    });
  }
  return samples;
}

interface CustomMetrics {
  readonly items?: readonly {
    readonly describedObject?: { readonly name?: string };
    readonly value?: string | number;
    readonly timestamp?: string;
    readonly windowSeconds?: number;
  }[];
}

const customApi = '/apis/custom.metrics.k8s.io/v1beta2';

async function byPods(metric: Metric, context: MetricContext): Promise<MetricProposal> {
  if (!metric.pods) throw new Error('the metric names no metric of pods');
  const { metric: name, target } = metric.pods;
  const query = new URLSearchParams({ labelSelector: selectorQuery(context.selector) });
  if (name.selector) query.set('metricLabelSelector', selectorQuery(name.selector));
  const path = `${customApi}/namespaces/${context.namespace}/pods/*/${encodeURIComponent(name.name)}?${query.toString()}`;
  const { items = [] } = (await context.read(path)) as CustomMetrics;
  const samples = new Map(
    items.map(({ describedObject, value, timestamp, windowSeconds = 60 }) => [
      describedObject?.name ?? '',
      { value: quantityOrZero(value), atMs: msOf(timestamp), windowMs: windowSeconds * 1_000 },
    ]),
  );
  const wanted = amountOf(target.averageValue);
  const { replicas, average } = byAverage({ ...context, samples, isCpu: false }, wanted);
  const status = { type: 'Pods', pods: { metric: name, current: { averageValue: formatQuantity(average) } } };
  return { replicas, status, about: `pods metric ${name.name}` };
}

async function byObject(metric: Metric, context: MetricContext): Promise<MetricProposal> {
  if (!metric.object) throw new Error('the metric names no object');
  const { metric: name, target, describedObject } = metric.object;
  const { apiVersion = 'v1', kind } = describedObject;
  const resource = resourceOf({ apiVersion, kind });
  if (!resource) throw new Error(`unknown kind ${kind} in ${apiVersion}`);
  const group = kinds[resource].apiVersion.includes('/')
    ? `.${kinds[resource].apiVersion.split('/')[0] ?? ''}`
    : '';
  const query = name.selector
    ? `?metricLabelSelector=${encodeURIComponent(selectorQuery(name.selector))}`
    : '';
  const place = `${context.namespace}/${resource}${group}/${describedObject.name}`;
  const path = `${customApi}/namespaces/${place}/${encodeURIComponent(name.name)}${query}`;
  const { items = [] } = (await context.read(path)) as CustomMetrics;
  const [item] = items;
  if (!item) throw new Error(`no metric ${name.name} of ${kind} ${describedObject.name}`);
  const { replicas, current } = sharedValue(context, target, quantityOrZero(item.value));
  const status = { type: 'Object', object: { describedObject, metric: name, current } };
  return { replicas, status, about: `${kind} metric ${name.name}` };
}

async function byExternal(metric: Metric, context: MetricContext): Promise<MetricProposal> {
  if (!metric.external) throw new Error('the metric names no external metric');
  const { metric: name, target } = metric.external;
  const query = name.selector ? `?labelSelector=${encodeURIComponent(selectorQuery(name.selector))}` : '';
  const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${context.namespace}/${encodeURIComponent(name.name)}${query}`;
  const { items = [] } = (await context.read(path)) as { items?: readonly { value?: string | number }[] };
  if (items.length === 0) throw new Error(`no external metric ${name.name}`);
  const value = items.reduce((sum, item) => sum + quantityOrZero(item.value), 0);
  const { replicas, current } = sharedValue(context, target, value);
  return {
    replicas,
    status: { type: 'External', external: { metric: name, current } },
    about: `external metric ${name.name}`,
  };
}

/** A value that belongs to all pods together: in proportion to it, or each pod's part of it. */
function sharedValue(
  { current, pods, rules }: MetricContext,
  target: Target,
  value: number,
): { replicas: number; current: { value?: string; averageValue?: string } } {
  if (target.averageValue !== undefined && target.averageValue !== null) {
    const replicas = byShare({ current, rules }, value, amountOf(target.averageValue));
    return { replicas, current: { averageValue: formatQuantity(value / current) } };
  }
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isReady(pod)).length;
  const replicas = byValue({ current, ready, rules }, value, amountOf(target.value));
  return { replicas, current: { value: formatQuantity(value) } };
}

function amountOf(quantity: string | number | undefined): number {
  const amount = quantityOrZero(quantity);
  if (amount <= 0) throw new Error('the target of the metric must be greater than 0');
  return amount;
}

/** A LabelSelector in the form of a query. */
export function selectorQuery(selector: LabelSelector | undefined): string {
  const exact = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const others = (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return [...exact, ...others].join(',');
}
