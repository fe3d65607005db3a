import type { KindTable } from './index.ts';
import { quantityOrZero } from './quantity.ts';

type PodSpec = NonNullable<KindTable['pods']['spec']>;
/** A pod as the API's types have it, or as the server stores it. */
type Pod = { readonly spec?: object };
type Node = Pick<KindTable['nodes'], 'status'>;

/** Amounts by resource name: cpu in millicores, everything else in its base unit. */
export type Amounts = Readonly<Record<string, number>>;

/** Quantities by name as numbers. */
export function amountsOf(list: Readonly<Record<string, string>> | undefined): Record<string, number> {
  return Object.fromEntries(
    Object.entries(list ?? {}).map(([name, quantity]) => {
      const value = quantityOrZero(quantity);
      return [name, name === 'cpu' ? Math.ceil(value * 1000 - 1e-6) : value];
    }),
  );
}

/** What a pod reserves: all containers together or the largest init container, side-cars counted with both. */
export function requestsOf(pod: Pod): Record<string, number> {
  return totalOf(pod, 'requests');
}

/** The same of its limits; a container without a limit adds nothing. */
export function limitsOf(pod: Pod): Record<string, number> {
  return totalOf(pod, 'limits');
}

function totalOf(pod: Pod, part: 'requests' | 'limits'): Record<string, number> {
  const spec = pod.spec as PodSpec | undefined;
  const total: Record<string, number> = {};
  const initPeak: Record<string, number> = {};
  const sidecars: Record<string, number> = {};
  for (const container of spec?.initContainers ?? []) {
    const amounts = amountsOf(container.resources?.[part]);
    if (container.restartPolicy === 'Always') add(sidecars, amounts);
    else
      for (const [name, amount] of Object.entries(amounts))
        raise(initPeak, name, amount + (sidecars[name] ?? 0));
  }
  for (const { resources } of spec?.containers ?? []) add(total, amountsOf(resources?.[part]));
  add(total, sidecars);
  for (const [name, amount] of Object.entries(initPeak)) raise(total, name, amount);
  add(total, amountsOf(spec?.overhead));
  return total;
}

/** What a node can give to pods. */
export function allocatableOf({ status }: Node): Record<string, number> {
  return amountsOf(status?.allocatable ?? status?.capacity);
}

export function add(sum: Record<string, number>, amounts: Amounts): void {
  for (const [name, amount] of Object.entries(amounts)) sum[name] = (sum[name] ?? 0) + amount;
}

function raise(peak: Record<string, number>, name: string, amount: number): void {
  peak[name] = Math.max(peak[name] ?? 0, amount);
}
