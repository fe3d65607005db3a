import type { Claimable } from './plan.ts';

/** Lanes beyond it are forgotten, the one served longest ago first, which is where it stands anyway. */
const maxLanes = 10_000;

/** Lets the lanes of a topic take turns: the one that was served longest ago comes first. */
export class Turns {
  /** Lane -> number of its last turn, the longest ago first. */
  private readonly served = new Map<string, number>();
  private turn = 0;

  /** At most so many of the given ones, a lane's own in their order. */
  select(waiting: readonly Claimable[], limit: number): Claimable[] {
    const lanes = [...Map.groupBy(waiting, laneOf)].toSorted(
      ([a], [b]) => (this.served.get(a) ?? 0) - (this.served.get(b) ?? 0),
    );
    const selected: Claimable[] = [];
    for (let round = 0; selected.length < Math.min(limit, waiting.length); round += 1) {
      for (const [, inLane] of lanes) {
        const next = inLane[round];
        if (next && selected.length < limit) selected.push(next);
      }
    }
    return selected;
  }

  /** Its lane had its turn. */
  take(claimed: Claimable): void {
    const lane = laneOf(claimed);
    this.served.delete(lane);
    this.served.set(lane, (this.turn += 1));
    const [oldest] = this.served.keys();
    if (this.served.size > maxLanes && oldest !== undefined) this.served.delete(oldest);
  }
}

function laneOf({ message }: Claimable): string {
  return message.lane ?? '';
}
