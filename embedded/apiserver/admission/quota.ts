import { quantityOrZero } from '../../client/quantity.ts';
import { forbidden } from '../errors.ts';
import { KeyedLock } from '../keyed-lock.ts';
import type { Kind } from '../kind.ts';
import { at, isObject, listAt, textAt, type ApiObject } from '../object.ts';
import type { Reader } from '../reader.ts';
import { chargesOf, formatAmount, hardOf, isCounted, isInScope, type Amounts } from './quota-usage.ts';

/** Names that every container must say something of where a quota bounds them. */
const mustSpecify = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];

/**
 * Keeps namespaces within their ResourceQuotas. What is used is counted from the objects themselves at each
 * decision, and decisions of one namespace take turns until their write is seen: two creations at once can
 * never share the last unit, and no count can be wrong for long.
 */
export class Quotas {
  private readonly reader: Reader;
  private readonly kinds: readonly Kind[];
  private readonly quotaKind: Kind;
  private readonly turns = new KeyedLock();

  constructor(reader: Reader, kinds: readonly Kind[], quotaKind: Kind) {
    this.reader = reader;
    this.kinds = kinds;
    this.quotaKind = quotaKind;
  }

  /** Writes the object if the quotas of its namespace allow it; 403 otherwise. `old` is what it replaces. */
  async guard<T>(
    kind: Kind,
    { object, old }: { object: ApiObject; old?: ApiObject },
    write: () => Promise<T>,
  ): Promise<T> {
    const { namespace } = object.metadata;
    if (namespace === undefined || this.quotasFor(kind, object).length === 0) return await write();
    const more = difference(chargesOf(kind, object), old ? chargesOf(kind, old) : {});
    if (Object.keys(more).length === 0) return await write();
    return await this.turns.run(namespace, async () => {
      for (const quota of this.quotasFor(kind, object)) this.check(quota, kind, { object, more });
      return await write();
    });
  }

  /** What the objects of a quota's namespace take of it, for each of its names. */
  usedOf(quota: ApiObject): Amounts {
    const names = Object.keys(hardOf(quota));
    const used: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
    for (const kind of this.kinds.filter((each) => isCounted(each, names))) {
      for (const { object } of this.reader.entries(kind, quota.metadata.namespace)) {
        if (!isInScope(quota, kind, object)) continue;
        for (const [name, amount] of Object.entries(chargesOf(kind, object))) {
          if (name in used) used[name] = (used[name] ?? 0) + amount;
        }
      }
    }
    return used;
  }

  private quotasFor(kind: Kind, object: ApiObject): ApiObject[] {
    return this.reader
      .entries(this.quotaKind, object.metadata.namespace)
      .map((entry) => entry.object)
      .filter((quota) => isCounted(kind, Object.keys(hardOf(quota))) && isInScope(quota, kind, object));
  }

  private check(quota: ApiObject, kind: Kind, { object, more }: { object: ApiObject; more: Amounts }): void {
    const hard = hardOf(quota);
    const { name } = quota.metadata;
    const unsaid = kind.plural === 'pods' && kind.group === '' ? unsaidBy(object, Object.keys(hard)) : [];
    if (unsaid.length > 0)
      throw forbidden(kind, object.metadata.name, `failed quota: ${name}: must specify ${unsaid.join('; ')}`);
    const used = this.usedOf(quota);
    const isBeyond = (each: string): boolean =>
      each in hard && (used[each] ?? 0) + (more[each] ?? 0) > quantityOrZero(hard[each]) * (1 + 1e-12);
    const beyond = Object.keys(more).filter(isBeyond).toSorted();
    if (beyond.length === 0) return;
    const list = (valueOf: (each: string) => string) =>
      beyond.map((each) => `${each}=${valueOf(each)}`).join(',');
    const why = [
      `exceeded quota: ${name}`,
      `requested: ${list((each) => formatAmount(each, more[each] ?? 0))}`,
      `used: ${list((each) => formatAmount(each, used[each] ?? 0))}`,
      `limited: ${list((each) => hard[each] ?? '')}`,
    ];
    throw forbidden(kind, object.metadata.name, why.join(', '));
  }
}

/** What the new charges take beyond the old ones. */
function difference(next: Amounts, old: Amounts): Amounts {
  const entries = Object.entries(next).map(([name, amount]) => [name, amount - (old[name] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, amount]) => amount > 0));
}

function unsaidBy(pod: ApiObject, names: readonly string[]): string[] {
  const containers = [...listAt(pod, 'spec', 'containers'), ...listAt(pod, 'spec', 'initContainers')];
  return mustSpecify
    .filter((name) => names.includes(name))
    .flatMap((name) => {
      const [part, resource] = name.includes('.') ? name.split('.') : ['requests', name];
      const silent = containers.filter((container) => {
        const amounts = at(container, 'resources', part ?? '');
        return !isObject(amounts) || amounts[resource ?? ''] === undefined;
      });
      return silent.length > 0
        ? [`${name} for: ${silent.map((each) => textAt(each, 'name')).join(',')}`]
        : [];
    });
}
