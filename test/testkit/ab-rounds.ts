import { median } from '../bench/rounds.ts';
import { randomOf } from './random.ts';

export interface AbOptions {
  /** At least 5; 7 when the figures scatter. */
  readonly rounds: number;
  /** A figure of one round, e.g. operations a second. */
  readonly a: () => Promise<number>;
  readonly b: () => Promise<number>;
  /** Whether a round of each is run before and forgotten; default true. */
  readonly warmUp?: boolean;
}

export interface AbResult {
  /** A by B. */
  readonly ratio: number;
  /** Bootstrap, 95 %. */
  readonly interval: readonly [number, number];
  /** A against A; outside 0.93 to 1.07 the machine was too restless for the run to say anything. */
  readonly control: number;
  readonly isValid: boolean;
  readonly a: number;
  readonly b: number;
}

interface Seen {
  readonly a: number[];
  /** A once more in the same round. */
  readonly again: number[];
  readonly b: number[];
}

/** Measures A, B, A, B, ... in one run, so that whatever else happens on the machine happens to both. */
export async function compareInRounds(options: AbOptions): Promise<AbResult> {
  const seen = await measure(options);
  const all = [...seen.a, ...seen.again];
  return {
    ratio: median(all) / median(seen.b),
    interval: bootstrap((draw) => draw(all) / draw(seen.b)),
    ...controlled(median(seen.a) / median(seen.again)),
    a: median(all),
    b: median(seen.b),
  };
}

/**
 * The same for figures that the machine's mood of a second decides, as tails of latencies: many short rounds,
 * of which each says a ratio by itself, and the median of these.
 */
export async function compareInPairs(options: AbOptions): Promise<AbResult> {
  const seen = await measure(options);
  const ratios = seen.b.map((b, round) => Math.sqrt((seen.a[round] ?? 0) * (seen.again[round] ?? 0)) / b);
  return {
    ratio: median(ratios),
    interval: bootstrap((draw) => draw(ratios)),
    ...controlled(median(seen.a.map((a, round) => a / (seen.again[round] ?? 0)))),
    a: median([...seen.a, ...seen.again]),
    b: median(seen.b),
  };
}

async function measure({ rounds, a, b, warmUp = true }: AbOptions): Promise<Seen> {
  const seen: Seen = { a: [], again: [], b: [] };
  for (let round = warmUp ? -1 : 0; round < rounds; round += 1) {
    // The control goes first and last in turn, so that a drift does not look like a difference.
    const first = await a();
    const middle = await b();
    const last = await a();
    if (round < 0) continue;
    const [one, other] = round % 2 === 0 ? [first, last] : [last, first];
    seen.a.push(one);
    seen.again.push(other);
    seen.b.push(middle);
  }
  return seen;
}

function controlled(control: number): Pick<AbResult, 'control' | 'isValid'> {
  return { control, isValid: control >= 0.93 && control <= 1.07 };
}

/** 95 % of what the estimate is when each of its medians is of values drawn again. */
function bootstrap(estimate: (draw: (values: readonly number[]) => number) => number): [number, number] {
  const random = randomOf(1);
  const draw = (values: readonly number[]) =>
    median(values.map(() => values[Math.floor(random() * values.length)] ?? 0));
  const drawn = Array.from({ length: 1_000 }, () => estimate(draw)).toSorted((x, y) => x - y);
  return [drawn[25] ?? 0, drawn[974] ?? 0];
}
