import type { ServiceNotes } from './notes.ts';
import type { Service, ServiceContext } from './service.ts';
import { textOf, type Tree } from './tree.ts';
import { cpuMillisOf, megabytesOf } from './units.ts';

/** `deploy:` - replicas, resources, the order of updates. */
export function readDeploy(value: Tree, service: Service, { notes }: ServiceContext, line: number): void {
  if (value.kind !== 'table') return notes.error(line, 'deploy is a map');
  const at = (path: string): Tree | undefined => {
    let tree: Tree | undefined = value;
    for (const name of path.split('.'))
      tree = tree?.kind === 'table' ? tree.entries.get(name)?.value : undefined;
    return tree;
  };
  for (const [name, entry] of value.entries) {
    if (name === 'mode' && textOf(entry.value) !== 'replicated')
      notes.warn(
        entry.line,
        `deploy.mode ${textOf(entry.value)} is not supported: the number of pods is fixed`,
      );
    else if (name === 'placement')
      notes.warn(entry.line, 'deploy.placement is left out; choose nodes on the Health page of the app');
    else if (name === 'endpoint_mode' || name === 'rollback_config' || name === 'restart_policy')
      notes.info(entry.line, `deploy.${name} is not needed and left out`);
    else if (!['mode', 'replicas', 'resources', 'update_config', 'labels'].includes(name))
      notes.warn(entry.line, `deploy.${name} is not supported and left out`);
  }
  const replicas = at('replicas');
  if (replicas) service.replicas = count(replicas, notes, replicas.line, 'deploy.replicas');
  const limit = (path: string, set: (tree: Tree) => void) => {
    const tree = at(`resources.${path}`);
    if (tree) set(tree);
  };
  limit('limits.cpus', (tree) => (service.cpuMillis = cpus(tree, notes, tree.line)));
  limit('limits.memory', (tree) => (service.memoryMb = memory(tree, notes, tree.line, 'memory')));
  limit('reservations.cpus', (tree) => (service.cpuRequestMillis = cpus(tree, notes, tree.line)));
  limit(
    'reservations.memory',
    (tree) => (service.memoryRequestMb = memory(tree, notes, tree.line, 'memory')),
  );
  limit('reservations.devices', (tree) =>
    notes.warn(tree.line, 'deploy.resources.reservations.devices: apps have no devices of the machine'),
  );
  if (textOf(at('update_config.order')) === 'stop-first') service.stopFirst = true;
}

/** Megabytes, at least what a pod can have. */
export function memory(value: Tree, notes: ServiceNotes, line: number, what: string): number | null {
  const found = megabytesOf(textOf(value) ?? '');
  if (found === null) notes.error(line, `${what}: "${textOf(value)}" is no size such as 512m`);
  if (found !== null && found < 16)
    notes.info(line, `${what}: raised to 16 MB, the least that a pod can have`);
  return found === null ? null : Math.max(16, found);
}

/** Thousandths of a processor. */
export function cpus(value: Tree, notes: ServiceNotes, line: number): number | null {
  const found = cpuMillisOf(textOf(value) ?? '');
  if (found === null) notes.error(line, `cpus: "${textOf(value)}" is no number such as 0.5`);
  return found === null || found === 0 ? null : Math.max(10, found);
}

/** A number of pods. */
export function count(value: Tree, notes: ServiceNotes, line: number, what: string): number {
  const number = Number(textOf(value) ?? '');
  const isFine = Number.isInteger(number) && number >= 0 && number <= 50;
  if (!isFine) notes.error(line, `${what} is a number from 0 to 50`);
  if (number === 0) notes.info(line, `${what} is 0: one pod is made; stop the app when it shall not run`);
  return isFine ? Math.max(1, number) : 1;
}
