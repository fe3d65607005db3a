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
  /** Median of A by median of B. */
  readonly ratio: number;
  /** Bootstrap, 95 %. */
  readonly interval: readonly [number, number];
  /** A against A; outside 0.93 to 1.07 the machine was too restless for the run to say anything. */
  readonly control: number;
  readonly isValid: boolean;
  readonly a: number;
  readonly b: number;
}

/** Measures A, B, A, B, ... in one run, so that whatever else happens on the machine happens to both. */
export async function compareInRounds({ rounds, a, b, warmUp = true }: AbOptions): Promise<AbResult> {
  const seen = { a: [] as number[], again: [] as number[], b: [] as number[] };
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
  const control = median(seen.a) / median(seen.again);
  const all = [...seen.a, ...seen.again];
  return {
    ratio: median(all) / median(seen.b),
    interval: bootstrap(all, seen.b),
    control,
    isValid: control >= 0.93 && control <= 1.07,
    a: median(all),
    b: median(seen.b),
  };
}

function bootstrap(a: readonly number[], b: readonly number[]): [number, number] {
  const random = randomOf(1);
  const draw = (values: readonly number[]) =>
    median(values.map(() => values[Math.floor(random() * values.length)] ?? 0));
  const ratios = Array.from({ length: 1_000 }, () => draw(a) / draw(b)).toSorted((x, y) => x - y);
  return [ratios[25] ?? 0, ratios[974] ?? 0];
}
