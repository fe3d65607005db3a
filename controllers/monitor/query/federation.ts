import { AppError, messageOf, toAppError } from '@skyarc/lib/errors';
import { divide, identityOf, merge } from './merge.ts';
import {
  type Answer,
  ask,
  type InstantSeries,
  type Labels,
  type QueryData,
  type RangeSeries,
} from './prometheus-client.ts';
import { PassedAnswer } from './passed-answer.ts';
import { type Merge, planOf } from './promql.ts';

/** Where questions go: all shards, and the one that sees all of them. */
export interface Layout {
  readonly shardUrls: readonly string[];
  /** Evaluates over all shards; the only shard itself where there is one. */
  readonly evaluatorUrl: string;
  /** Unix seconds since when no target has changed its shard. */
  readonly stableSince: number;
}

type Ask = 'query' | 'query_range';

/** Queries over all shards as if they were one Prometheus. */
export class Federation {
  private readonly layout: () => Layout;
  /** How questions were answered, for metrics. */
  readonly counts = { pushed: 0, evaluated: 0, partial: 0 };

  constructor(layout: () => Layout) {
    this.layout = layout;
  }

  /**
   * What the only shard says, unread, or what all shards say. Throws INVALID for a wrong expression, TIMEOUT,
   * UNAVAILABLE when no shard answers.
   */
  async answer(
    kind: Ask,
    parameters: URLSearchParams,
    signal?: AbortSignal,
  ): Promise<PassedAnswer | Answer<QueryData>> {
    const { shardUrls, evaluatorUrl: url } = this.layout();
    if (shardUrls.length > 1) return this.query(kind, parameters, signal);
    const onAnswered = (): void => void (this.counts.evaluated += 1);
    return new PassedAnswer({ url, path: `/api/v1/${kind}?${parameters}`, onAnswered });
  }

  private async query(
    kind: Ask,
    parameters: URLSearchParams,
    signal?: AbortSignal,
  ): Promise<Answer<QueryData>> {
    const layout = this.layout();
    const plan = planOf(parameters.get('query') ?? '');
    const from = Number(parameters.get(kind === 'query' ? 'time' : 'start') ?? Date.now() / 1_000);
    // Series whose targets have moved are in two shards for as long as the expression looks back.
    if (plan && from - plan.reachSec > layout.stableSince) {
      const answer = await this.pushDown(kind, plan.merge, { parameters, layout, signal });
      if (answer) return this.note(answer, 'pushed');
    }
    const path = `/api/v1/${kind}`;
    return this.note(await ask<QueryData>(layout.evaluatorUrl, path, parameters, signal), 'evaluated');
  }

  /** Lists of texts that every shard has a part of: `labels`, `label/<name>/values`. */
  async list(path: string, parameters: URLSearchParams): Promise<Answer<string[]>> {
    const { data, warnings } = await this.everywhere<string[]>(path, parameters);
    return { data: [...new Set(data.flat())].toSorted(), warnings };
  }

  async series(parameters: URLSearchParams): Promise<Answer<Labels[]>> {
    const { data, warnings } = await this.everywhere<Labels[]>('/api/v1/series', parameters);
    return { data: [...new Map(data.flat().map((one) => [identityOf(one), one])).values()], warnings };
  }

  /** Of the one that evaluates rules. */
  evaluator<T>(path: string, parameters: URLSearchParams): Promise<Answer<T>> {
    return ask<T>(this.layout().evaluatorUrl, path, parameters);
  }

  /** Asks all shards, and the evaluator for what it has itself; those that are away leave a warning. */
  private async everywhere<T>(path: string, parameters: URLSearchParams): Promise<Answer<T[]>> {
    const { shardUrls, evaluatorUrl } = this.layout();
    return this.gather([...new Set([...shardUrls, evaluatorUrl])], (url) => ask<T>(url, path, parameters));
  }

  private async pushDown(
    kind: Ask,
    plan: Merge,
    {
      parameters,
      layout,
      signal,
    }: {
      readonly parameters: URLSearchParams;
      readonly layout: Layout;
      readonly signal: AbortSignal | undefined;
    },
  ): Promise<Answer<QueryData> | null> {
    const collect = async (expression: string | null, how: Exclude<Merge, { kind: 'avg' }>) => {
      const own = new URLSearchParams(parameters);
      if (expression !== null) own.set('query', expression);
      const { data, warnings } = await this.gather(layout.shardUrls, (url) =>
        ask<QueryData>(url, `/api/v1/${kind}`, own, signal),
      );
      const merged = data.every(isSeries) ? merge(how, data.map(rangesOf)) : null;
      return merged && { merged, warnings };
    };
    if (plan.kind !== 'avg') return present(kind, await collect(null, plan));
    const [sum, count] = await Promise.all([
      collect(plan.sum, { kind: 'sum' }),
      collect(plan.count, { kind: 'sum' }),
    ]);
    if (!sum || !count) return null;
    const warnings = [...new Set([...sum.warnings, ...count.warnings])];
    return present(kind, { merged: divide(sum.merged, count.merged), warnings });
  }

  private async gather<T>(
    urls: readonly string[],
    ask: (url: string) => Promise<Answer<T>>,
  ): Promise<Answer<T[]>> {
    const results = await Promise.allSettled(urls.map(ask));
    const answers = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failures = results.flatMap((one) => (one.status === 'rejected' ? [toAppError(one.reason)] : []));
    const fatal =
      failures.find(({ code }) => code !== 'UNAVAILABLE') ?? (answers.length === 0 && failures[0]);
    if (fatal) throw fatal;
    return {
      data: answers.map(({ data }) => data),
      warnings: [
        ...answers.flatMap(({ warnings }) => warnings),
        ...failures.map((error) => `A part is missing: ${messageOf(error)}`),
      ],
    };
  }

  private note(answer: Answer<QueryData>, how: 'pushed' | 'evaluated'): Answer<QueryData> {
    this.counts[how] += 1;
    if (answer.warnings.length > 0) this.counts.partial += 1;
    return answer;
  }
}

/** A single number or text is not of any shard. */
function isSeries(data: QueryData): boolean {
  return data.resultType === 'vector' || data.resultType === 'matrix';
}

function rangesOf(data: QueryData): readonly RangeSeries[] {
  if (data.resultType === 'matrix') return data.result;
  if (data.resultType !== 'vector') throw new AppError('INTERNAL', `No series in a ${data.resultType}`);
  return data.result.map(({ metric, value }) => ({ metric, values: [value] }));
}

function present(
  kind: Ask,
  answer: { readonly merged: RangeSeries[]; readonly warnings: readonly string[] } | null,
): Answer<QueryData> | null {
  if (!answer) return null;
  const { merged, warnings } = answer;
  if (kind === 'query_range') return { data: { resultType: 'matrix', result: merged }, warnings };
  const result = merged.flatMap(({ metric, values }): InstantSeries[] =>
    values[0] ? [{ metric, value: values[0] }] : [],
  );
  return { data: { resultType: 'vector', result }, warnings };
}
