import type { PodContainer } from '../pod.ts';

/** A port by number or by the name the container gives it. Throws when there is none of that name. */
export function portOf(port: unknown, container: PodContainer): number {
  if (typeof port === 'number') return port;
  const named = (container.ports ?? []).find(({ name }) => name === port)?.containerPort;
  const found = named ?? Number(port);
  if (!Number.isInteger(found)) throw new Error(`couldn't find port ${JSON.stringify(port)}`);
  return found;
}
