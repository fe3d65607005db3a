/** One line of the table. */
export interface Row {
  readonly measure: string;
  readonly goal: string;
  readonly seen: string;
  readonly isReached: boolean;
}

/** A row of a value that should not pass a limit. */
export function atMost(measure: string, value: number, limit: number, unit: string): Row {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return {
    measure,
    goal: `<= ${limit} ${unit}`,
    seen: `${value.toFixed(digits)} ${unit}`,
    isReached: value <= limit,
  };
}

/** A row of a value that should reach a limit. */
export function atLeast(measure: string, value: number, limit: number, unit: string): Row {
  return {
    measure,
    goal: `>= ${limit} ${unit}`,
    seen: `${value.toFixed(2)} ${unit}`,
    isReached: value >= limit,
  };
}

/** The rows as a Markdown table. */
export function printRows(rows: readonly Row[]): void {
  console.log('| measure | goal | seen | |');
  console.log('|---|---|---|---|');
  for (const { measure, goal, seen, isReached } of rows)
    console.log(`| ${measure} | ${goal} | ${seen} | ${isReached ? '✓' : '✗'} |`);
}

/** The value below which the given share of the sorted values lies. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
