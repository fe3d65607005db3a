import { limitsOf, requestsOf } from '../../client/pod-resources.ts';
import { formatBytes, formatQuantity, quantityOrZero } from '../../client/quantity.ts';
import type { Kind } from '../kind.ts';
import { at, isObject, listAt, textAt, type ApiObject } from '../object.ts';

/** Amounts by the names of a ResourceQuota: cpu in cores, storage and memory in bytes, things in pieces. */
export type Amounts = Readonly<Record<string, number>>;

/** Kinds that a quota counts by their plain name too. */
const plainNames = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);

/** What an object takes of a quota. */
export function chargesOf(kind: Kind, object: ApiObject): Amounts {
  const charges: Record<string, number> = { [countName(kind)]: 1 };
  if (kind.group !== '') return charges;
  if (kind.plural === 'pods') return isOver(object) ? charges : { ...charges, ...podCharges(object) };
  if (plainNames.has(kind.plural)) charges[kind.plural] = 1;
  if (kind.plural === 'persistentvolumeclaims') Object.assign(charges, claimCharges(object));
  if (kind.plural === 'services') Object.assign(charges, serviceCharges(object));
  return charges;
}

export function countName({ group, plural }: Kind): string {
  return `count/${plural}${group ? `.${group}` : ''}`;
}

/** Kinds whose objects may take of a quota with these names. */
export function isCounted(kind: Kind, names: readonly string[]): boolean {
  if (!kind.namespaced) return false;
  if (names.includes(countName(kind))) return true;
  if (kind.group !== '') return false;
  if (kind.plural === 'persistentvolumeclaims')
    return names.some((name) => name.includes('storage') || name.includes('persistentvolumeclaims'));
  if (kind.plural === 'services') return names.some((name) => name.startsWith('services'));
  if (kind.plural === 'pods') return names.some((name) => isCompute(name) || name === 'pods');
  return plainNames.has(kind.plural) && names.includes(kind.plural);
}

function isCompute(name: string): boolean {
  return ['cpu', 'memory', 'ephemeral-storage'].includes(name) || /^(requests|limits)\./.test(name);
}

/** It has ended, or is past the time that it was given to end. */
function isOver({ metadata, status }: ApiObject): boolean {
  if (['Succeeded', 'Failed'].includes(textAt(status, 'phase'))) return true;
  return metadata.deletionTimestamp !== undefined && Date.parse(metadata.deletionTimestamp) < Date.now();
}

function podCharges(pod: ApiObject): Amounts {
  const charges: Record<string, number> = { pods: 1 };
  for (const [part, amounts] of [
    ['requests', requestsOf(pod)],
    ['limits', limitsOf(pod)],
  ] as const) {
    for (const [name, amount] of Object.entries(amounts)) {
      const value = name === 'cpu' ? amount / 1_000 : amount;
      charges[`${part}.${name}`] = value;
      if (part === 'requests' && isCompute(name)) charges[name] = value;
    }
  }
  return charges;
}

function claimCharges(claim: ApiObject): Amounts {
  const bytes = quantityOrZero(textAt(claim, 'spec', 'resources', 'requests', 'storage'));
  const className = textAt(claim, 'spec', 'storageClassName');
  return {
    'requests.storage': bytes,
    ...(className && {
      [`${className}.storageclass.storage.k8s.io/requests.storage`]: bytes,
      [`${className}.storageclass.storage.k8s.io/persistentvolumeclaims`]: 1,
    }),
  };
}

function serviceCharges({ spec }: ApiObject): Amounts {
  const type = textAt(spec, 'type');
  const ports = listAt(spec, 'ports').length;
  return {
    'services.nodeports': type === 'NodePort' || type === 'LoadBalancer' ? ports : 0,
    'services.loadbalancers': type === 'LoadBalancer' ? 1 : 0,
  };
}

/** Whether a quota with scopes is about a pod; one without is about everything. */
export function isInScope(quota: ApiObject, kind: Kind, object: ApiObject): boolean {
  const scopes = at(quota, 'spec', 'scopes');
  const names = Array.isArray(scopes) ? scopes.map((name) => ({ scopeName: name, operator: 'Exists' })) : [];
  const selectors = [...names, ...listAt(quota, 'spec', 'scopeSelector', 'matchExpressions')];
  if (selectors.length === 0) return true;
  if (kind.plural !== 'pods' || kind.group !== '') return false;
  return selectors.every((selector) => {
    const { spec } = object;
    const isBestEffort = ![...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')].some((each) =>
      ['requests', 'limits'].some((part) => Object.keys(at(each, 'resources', part) ?? {}).length > 0),
    );
    switch (textAt(selector, 'scopeName')) {
      case 'Terminating':
        return spec?.['activeDeadlineSeconds'] !== undefined;
      case 'NotTerminating':
        return spec?.['activeDeadlineSeconds'] === undefined;
      case 'BestEffort':
        return isBestEffort;
      case 'NotBestEffort':
        return !isBestEffort;
      case 'PriorityClass':
        return matchesPriority(selector, textAt(spec, 'priorityClassName'));
      default:
        return false;
    }
  });
}

function matchesPriority(selector: object, name: string): boolean {
  const values = at(selector, 'values');
  const isListed = Array.isArray(values) && values.includes(name);
  const answers: Readonly<Record<string, boolean>> = {
    In: isListed,
    NotIn: !isListed,
    Exists: name !== '',
    DoesNotExist: name === '',
  };
  return answers[textAt(selector, 'operator')] ?? false;
}

/** Quantities of a quota's `hard` or `used` by name. */
export function hardOf(quota: ApiObject): Record<string, string> {
  const hard = at(quota, 'spec', 'hard');
  return isObject(hard)
    ? Object.fromEntries(Object.entries(hard).map(([name, each]) => [name, String(each)]))
    : {};
}

/** An amount as a quantity in the unit of its name. */
export function formatAmount(name: string, amount: number): string {
  return /memory|storage|hugepages/.test(name) ? formatBytes(amount) : formatQuantity(amount);
}
