import { listPresent } from '@skyarc/lib/presence';
import type { MonitorSettings } from '../config.ts';
import { named } from './fixed.ts';
import type { Target } from './target.ts';

export type Service = MonitorSettings['services'][number];

/**
 * The platform's services: those that configuration names and those of every index that said on this machine that they
 * are here. One that went without taking that back is still among them, and is missed.
 */
export async function listServices({ services, servicesFolder }: MonitorSettings): Promise<Service[]> {
  const present = servicesFolder === undefined ? [] : await listPresent(servicesFolder);
  return [...services, ...present.map(({ name, url }) => ({ name, url }))];
}

/** All of them, and the monitor itself where nobody names it. */
export async function serviceTargets(config: MonitorSettings, ownUrl: string): Promise<Target[]> {
  const found = [{ name: 'monitor', url: ownUrl }, ...(await listServices(config))];
  // Of several of one address the last one counts.
  return [...new Map(found.map((one) => [one.url, one])).values()].map((one) => named('services', one));
}
