import { quantityOrZero } from '../../client/quantity.ts';
import { limitsOf, requestsOf } from '../../client/pod-resources.ts';
import { forbidden } from '../errors.ts';
import type { AdmissionContext } from '../kind.ts';
import { isObject, listAt, textAt, type ApiObject, type JsonObject } from '../object.ts';

type Part = 'requests' | 'limits';

/** Fills in a new pod's containers from the namespace's LimitRanges, then checks it by them; 403 with all reasons. */
export function limitPod(pod: ApiObject, context: AdmissionContext): void {
  const items = itemsOf(pod.metadata.namespace, context);
  const containers = [...listAt(pod.spec, 'containers'), ...listAt(pod.spec, 'initContainers')];
  for (const item of items.filter(({ type }) => type === 'Container')) {
    for (const container of containers) fill(container, item);
  }
  const reasons = items.flatMap((item) => {
    if (item['type'] === 'Container') return containers.flatMap((each) => check(item, amountsOf(each)));
    const total = { requests: requestsOf(pod), limits: limitsOf(pod) };
    return item['type'] === 'Pod' ? check(item, (part, name) => totalOf(total[part], name)) : [];
  });
  refuse('pods', pod, reasons);
}

/** Checks what a new claim asks for. */
export function limitClaim(claim: ApiObject, context: AdmissionContext): void {
  const reasons = itemsOf(claim.metadata.namespace, context)
    .filter(({ type }) => type === 'PersistentVolumeClaim')
    .flatMap((item) =>
      check(item, (part, name) => amountsOf({ resources: claim.spec?.['resources'] })(part, name)),
    );
  refuse('persistentvolumeclaims', claim, reasons);
}

function itemsOf(namespace: string | undefined, context: AdmissionContext): JsonObject[] {
  return context.list('limitranges', namespace).flatMap((range) => listAt(range, 'spec', 'limits'));
}

/** A container's own values win. */
function fill(container: JsonObject, item: JsonObject): void {
  const resources = (container['resources'] ??= {}) as Record<Part, JsonObject | undefined>;
  for (const [part, defaults] of [
    ['limits', item['default']],
    ['requests', item['defaultRequest']],
  ] as const) {
    if (isObject(defaults) && Object.keys(defaults).length > 0)
      resources[part] = { ...defaults, ...resources[part] };
  }
}

type AmountOf = (part: Part, name: string) => { text: string; amount: number } | undefined;

function amountsOf(holder: JsonObject): AmountOf {
  return (part, name) => {
    const text = textAt(holder, 'resources', part, name);
    return text ? { text, amount: quantityOrZero(text) } : undefined;
  };
}

function totalOf(total: Readonly<Record<string, number>>, name: string): ReturnType<AmountOf> {
  const amount = total[name];
  if (amount === undefined) return undefined;
  return name === 'cpu' ? { text: `${amount}m`, amount: amount / 1_000 } : { text: String(amount), amount };
}

/** The item's bounds against the amounts, in the words of Kubernetes. */
function check(item: JsonObject, amountOf: AmountOf): string[] {
  const per = `usage per ${textAt(item, 'type')}`;
  const bounds = (field: string): [string, string][] =>
    Object.entries(isObject(item[field]) ? item[field] : {}).map(([name, value]) => [name, String(value)]);
  const minimum = bounds('min').flatMap(([name, least]) => {
    const asked = amountOf('requests', name);
    if (!asked) return [`minimum ${name} ${per} is ${least}.  No request is specified`];
    const isLow = asked.amount < quantityOrZero(least);
    return isLow ? [`minimum ${name} ${per} is ${least}, but request is ${asked.text}`] : [];
  });
  const maximum = bounds('max').flatMap(([name, most]) => {
    const part = textAt(item, 'type') === 'PersistentVolumeClaim' ? 'requests' : 'limits';
    const word = part === 'limits' ? 'limit' : 'request';
    const asked = amountOf(part, name);
    if (!asked) return [`maximum ${name} ${per} is ${most}.  No ${word} is specified`];
    const isHigh = asked.amount > quantityOrZero(most);
    return isHigh ? [`maximum ${name} ${per} is ${most}, but ${word} is ${asked.text}`] : [];
  });
  const ratio = bounds('maxLimitRequestRatio').flatMap(([name, most]) => {
    const [request, limit] = [amountOf('requests', name), amountOf('limits', name)];
    if (!request?.amount || !limit)
      return [
        `${name} max limit to request ratio per ${textAt(item, 'type')} is ${most}, but no request or limit is specified`,
      ];
    const seen = limit.amount / request.amount;
    return seen > quantityOrZero(most)
      ? [
          `${name} max limit to request ratio per ${textAt(item, 'type')} is ${most}, but provided ratio is ${seen.toFixed(6)}`,
        ]
      : [];
  });
  return [...minimum, ...maximum, ...ratio];
}

function refuse(plural: string, object: ApiObject, reasons: readonly string[]): void {
  if (reasons.length === 0) return;
  const why = reasons.length === 1 ? (reasons[0] ?? '') : `[${reasons.join(', ')}]`;
  throw forbidden({ group: '', plural }, object.metadata.name, why);
}
