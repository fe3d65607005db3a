import type { Node, Pod } from '../kinds.ts';
import { quantityOrZero } from '../../client/quantity.ts';

/** Amounts by resource name: cpu in millicores, everything else in its base unit. */
export type Amounts = Readonly<Record<string, number>>;

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
  const total: Record<string, number> = {};
  const initPeak: Record<string, number> = {};
  const sidecars: Record<string, number> = {};
  for (const container of pod.spec?.initContainers ?? []) {
    const request = amountsOf(container.resources?.requests);
    if (container.restartPolicy === 'Always') add(sidecars, request);
    else
      for (const [name, amount] of Object.entries(request))
        raise(initPeak, name, amount + (sidecars[name] ?? 0));
  }
  for (const { resources } of pod.spec?.containers ?? []) add(total, amountsOf(resources?.requests));
  add(total, sidecars);
  for (const [name, amount] of Object.entries(initPeak)) raise(total, name, amount);
  add(total, amountsOf(pod.spec?.overhead));
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
