import { scaledValue } from '../deployment/rolling.ts';
import type { DaemonSet, Node, Pod } from '../kinds.ts';
import { isAvailable, isReady } from '../pods.ts';
import { judgeNode, nodeOf, renderDaemon } from './place.ts';

export interface DaemonPlan {
  readonly status: NonNullable<DaemonSet['status']>;
  /** Nodes that need a pod of the present template. */
  readonly create: readonly string[];
  readonly delete: readonly Pod[];
}

export interface DaemonSnapshot {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  /** All pods that the set controls. */
  readonly pods: readonly Pod[];
  /** Hash of the present template's revision. */
  readonly hash: string;
  readonly now: number;
}

/** A node's pods of the set, apart by template. */
interface Place {
  readonly node: string;
  readonly fresh: Pod | undefined;
  readonly stale: Pod | undefined;
}

/** One pod on every node that takes it: what to make and delete, and the status as it is. */
export function planDaemonSet({ set, nodes, pods, hash, now }: DaemonSnapshot): DaemonPlan {
  const template = renderDaemon(set, hash);
  const minReady = set.spec?.minReadySeconds ?? 0;
  const isUpdated = (pod: Pod) => pod.metadata?.labels?.['controller-revision-hash'] === hash;
  const byNode = Map.groupBy(pods, nodeOf);
  const create: string[] = [];
  const remove: Pod[] = [];
  const places: Place[] = [];
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, updated: 0, available: 0 };
  for (const node of nodes) {
    const name = node.metadata?.name ?? '';
    const here = byNode.get(name) ?? [];
    const living = here.filter(isAlive);
    const { shouldRun, mayStay } = judgeNode(template, node);
    if (!shouldRun) {
      if (living.length > 0) counts.misscheduled += 1;
      if (!mayStay) remove.push(...living);
      continue;
    }
    counts.desired += 1;
    const dead = here.filter(
      ({ status, metadata }) => status?.phase === 'Failed' && !metadata?.deletionTimestamp,
    );
    remove.push(...dead);
    // A pod that goes still holds its ports and volumes: its successor waits.
    if (here.length === 0) create.push(name);
    const { fresh, stale, surplus } = pairOf(living, isUpdated);
    remove.push(...surplus);
    places.push({ node: name, fresh, stale });
    const newest = fresh ?? stale;
    if (newest) counts.current += 1;
    if (fresh) counts.updated += 1;
    const ready = [fresh, stale].find((pod) => pod && isReady(pod));
    if (ready) counts.ready += 1;
    if ([fresh, stale].some((pod) => pod && isAvailable(pod, minReady, now))) counts.available += 1;
  }
  // Their node is gone, or they never got one.
  const known = new Set(nodes.map(({ metadata }) => metadata?.name));
  remove.push(...pods.filter((pod) => isAlive(pod) && !known.has(nodeOf(pod))));
  if ((set.spec?.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate') {
    const roll = rollPlaces(set, {
      places,
      desired: counts.desired,
      isUp: (pod) => isAvailable(pod, minReady, now),
    });
    create.push(...roll.create);
    remove.push(...roll.delete);
  }
  return {
    create,
    delete: [...new Set(remove)],
    status: {
      ...set.status,
      observedGeneration: set.metadata?.generation,
      desiredNumberScheduled: counts.desired,
      currentNumberScheduled: counts.current,
      numberMisscheduled: counts.misscheduled,
      numberReady: counts.ready,
      updatedNumberScheduled: counts.updated,
      numberAvailable: counts.available,
      numberUnavailable: counts.desired - counts.available,
    },
  };
}

function isAlive({ metadata, status }: Pod): boolean {
  return !metadata?.deletionTimestamp && status?.phase !== 'Failed';
}

/** The oldest pod of either template; any more are surplus. */
function pairOf(living: readonly Pod[], isUpdated: (pod: Pod) => boolean) {
  const byAge = living.toSorted((left, right) =>
    (left.metadata?.creationTimestamp ?? '').localeCompare(right.metadata?.creationTimestamp ?? ''),
  );
  const [fresh, ...moreFresh] = byAge.filter(isUpdated);
  const [stale, ...moreStale] = byAge.filter((pod) => !isUpdated(pod));
  return { fresh, stale, surplus: [...moreFresh, ...moreStale] };
}

/** Replaces pods of an old template, never more at once than the strategy allows. */
function rollPlaces(
  set: DaemonSet,
  { places, desired, isUp }: { places: readonly Place[]; desired: number; isUp: (pod: Pod) => boolean },
): { create: string[]; delete: Pod[] } {
  const { maxUnavailable = 1, maxSurge = 0 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, desired, 'up');
  if (surge > 0) return surgePlaces(places, surge, isUp);
  const allowed = Math.max(1, scaledValue(maxUnavailable, desired, 'up'));
  const down = places.filter(({ fresh, stale }) => ![fresh, stale].some((pod) => pod && isUp(pod)));
  const waiting = places.flatMap(({ fresh, stale }) => (stale && !fresh ? [stale] : []));
  // A pod that does not work costs nothing.
  const broken = waiting.filter((pod) => !isUp(pod));
  const working = waiting.filter(isUp).slice(0, Math.max(0, allowed - down.length));
  const outrun = places.flatMap(({ fresh, stale }) => (fresh && stale ? [stale] : []));
  return { create: [], delete: [...outrun, ...broken, ...working] };
}

function surgePlaces(
  places: readonly Place[],
  surge: number,
  isUp: (pod: Pod) => boolean,
): { create: string[]; delete: Pod[] } {
  const rising = places.filter(({ fresh, stale }) => fresh && stale && !isUp(fresh)).length;
  const done = places.flatMap(({ fresh, stale }) => (fresh && stale && isUp(fresh) ? [stale] : []));
  const waiting = places.filter(({ fresh, stale }) => stale && !fresh);
  const broken = waiting.filter(({ stale }) => stale && !isUp(stale));
  const working = waiting.filter(({ stale }) => stale && isUp(stale)).slice(0, Math.max(0, surge - rising));
  return { create: [...broken, ...working].map(({ node }) => node), delete: done };
}
