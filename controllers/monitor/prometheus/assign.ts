/** Something that one of the shards takes. */
export interface Weighed {
  readonly key: string;
  /** Series that it has; an estimate for what was never scraped. */
  readonly weight: number;
}

/** How far the fullest shard may be above the mean before something moves. */
const tolerance = 1.1;
/** What already moves goes on to here, so that small changes do not move targets to and fro. */
const aim = 1.04;

/**
 * Gives every target a shard, by key. Those that have one keep it while the fullest shard stays within 1.1 times the
 * mean; beyond that the fewest targets move. New ones go to the emptiest shard, the heaviest first.
 */
export function assign(
  targets: readonly Weighed[],
  shards: number,
  before: ReadonlyMap<string, number>,
): Map<string, number> {
  const loads = Array.from({ length: shards }, () => 0);
  const assigned = new Map<string, number>();
  const place = (target: Weighed, shard: number) => {
    assigned.set(target.key, shard);
    loads[shard] = (loads[shard] ?? 0) + target.weight;
  };
  const homeless: Weighed[] = [];
  for (const target of targets) {
    const shard = before.get(target.key);
    if (shard !== undefined && shard < shards) place(target, shard);
    else homeless.push(target);
  }
  for (const target of homeless.toSorted(heaviestFirst)) place(target, emptiest(loads));
  const mean = loads.reduce((sum, load) => sum + load, 0) / shards;
  if (Math.max(...loads) <= mean * tolerance) return assigned;
  while (Math.max(...loads) > mean * aim) {
    const from = loads.indexOf(Math.max(...loads));
    const to = emptiest(loads);
    const gap = (loads[from] as number) - (loads[to] as number);
    // What the full one is above the mean, or what the other lacks: more would only turn them round.
    const room = Math.min((loads[from] as number) - mean, mean - (loads[to] as number));
    const own = targets.filter(({ key, weight }) => assigned.get(key) === from && weight > 0 && weight < gap);
    const best = own.toSorted(
      (left, right) => Math.abs(left.weight - room) - Math.abs(right.weight - room) || byKey(left, right),
    )[0];
    if (!best) return assigned;
    loads[from] = (loads[from] as number) - best.weight;
    place(best, to);
  }
  return assigned;
}

function emptiest(loads: readonly number[]): number {
  return loads.indexOf(Math.min(...loads));
}

function heaviestFirst(left: Weighed, right: Weighed): number {
  return right.weight - left.weight || byKey(left, right);
}

function byKey(left: Weighed, right: Weighed): number {
  return left.key < right.key ? -1 : 1;
}
