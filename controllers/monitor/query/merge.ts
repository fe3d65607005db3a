import type { Grouping, Merge } from './promql.ts';
import type { Labels, RangeSeries, Sample } from './prometheus-client.ts';

type Combine = (left: number, right: number) => number;

const combines: Readonly<Record<'sum' | 'min' | 'max' | 'group', Combine>> = {
  sum: (left, right) => left + right,
  min: (left, right) => (left < right || Number.isNaN(right) ? left : right),
  max: (left, right) => (left > right || Number.isNaN(right) ? left : right),
  group: () => 1,
};

/** Makes one answer of those of all shards. Null when a series is in several though it should not. */
export function merge(
  plan: Exclude<Merge, { kind: 'avg' }>,
  parts: readonly (readonly RangeSeries[])[],
): RangeSeries[] | null {
  const all = parts.flat();
  if (plan.kind === 'union') return areDistinct(all) ? all : null;
  if (plan.kind === 'topk' || plan.kind === 'bottomk') return areDistinct(all) ? best(plan, all) : null;
  return fold(all, combines[plan.kind]);
}

/** Divides what has the same labels and time. */
export function divide(sums: readonly RangeSeries[], counts: readonly RangeSeries[]): RangeSeries[] {
  const countOf = new Map(counts.map(({ metric, values }) => [identityOf(metric), new Map(values)]));
  return sums.map(({ metric, values }) => {
    const own = countOf.get(identityOf(metric));
    return {
      metric,
      values: values.map(([at, sum]): Sample => [
        at,
        textOf(numberOf(sum) / numberOf(own?.get(at) ?? 'NaN')),
      ]),
    };
  });
}

/** A text for labels, whatever their order. */
export function identityOf(metric: Labels): string {
  return JSON.stringify(Object.entries(metric).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

export function numberOf(text: string): number {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}

function textOf(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

function areDistinct(series: readonly RangeSeries[]): boolean {
  return new Set(series.map(({ metric }) => identityOf(metric))).size === series.length;
}

function fold(all: readonly RangeSeries[], combine: Combine): RangeSeries[] {
  const merged = new Map<string, { metric: Labels; values: Map<number, number> }>();
  for (const { metric, values } of all) {
    const key = identityOf(metric);
    const own = merged.get(key) ?? { metric, values: new Map<number, number>() };
    merged.set(key, own);
    for (const [at, text] of values) {
      const before = own.values.get(at);
      const value = numberOf(text);
      own.values.set(at, before === undefined ? value : combine(before, value));
    }
  }
  return [...merged.values()].map(({ metric, values }) => ({ metric, values: inOrder(values) }));
}

function inOrder(values: ReadonlyMap<number, number>): Sample[] {
  return [...values].toSorted(([left], [right]) => left - right).map(([at, value]) => [at, textOf(value)]);
}

/** The k best of each group at each time. */
function best(
  {
    kind,
    k,
    grouping,
  }: { readonly kind: 'topk' | 'bottomk'; readonly k: number; readonly grouping: Grouping },
  all: readonly RangeSeries[],
): RangeSeries[] {
  const kept = all.map(({ metric }) => ({ metric, values: new Map<number, number>() }));
  const sign = kind === 'topk' ? -1 : 1;
  const candidates = new Map<string, { index: number; at: number; value: number }[]>();
  for (const [index, { metric, values }] of all.entries()) {
    const group = identityOf(groupOf(metric, grouping));
    for (const [at, text] of values) {
      const key = `${at} ${group}`;
      const own = candidates.get(key) ?? [];
      own.push({ index, at, value: numberOf(text) });
      candidates.set(key, own);
    }
  }
  for (const own of candidates.values()) {
    const chosen = own.toSorted((left, right) => rank(left.value, right.value, sign)).slice(0, k);
    for (const { index, at, value } of chosen) kept[index]?.values.set(at, value);
  }
  return kept
    .filter(({ values }) => values.size > 0)
    .map(({ metric, values }) => ({ metric, values: inOrder(values) }));
}

/** What is no number comes last. */
function rank(left: number, right: number, sign: number): number {
  if (Number.isNaN(left)) return Number.isNaN(right) ? 0 : 1;
  return Number.isNaN(right) ? -1 : sign * (left - right);
}

function groupOf(metric: Labels, { mode, labels }: Grouping): Labels {
  const isIn = (name: string) => labels.includes(name);
  const names = Object.keys(metric).filter((name) =>
    mode === 'by' ? isIn(name) : !isIn(name) && name !== '__name__',
  );
  return Object.fromEntries(names.map((name) => [name, metric[name] ?? '']));
}
