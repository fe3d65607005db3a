import { namespaceOf } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { z } from 'zod';
import type { Api } from '../api.ts';
import { getApp } from '../commands/operations.ts';
import type { CallContext } from '../context.ts';
import type {
  MetricMarker,
  MetricQueryInput,
  Metrics,
  MetricSeries,
  MetricsInput,
} from '../generated/resolvers.ts';
import { type ChartQuery, type ChartSubject, chartQueries, isPlatform } from './charts.ts';
import type { RangeAnswer } from './client.ts';
import { scopeTo } from './scope.ts';

const maxDays = 400;
const minWindowSec = 60;
const maxMarkers = 200;
const maxSeries = 100;

const span = z
  .object({
    from: z.coerce.date('is not a time'),
    to: z.coerce.date('is not a time'),
    points: z.int().min(2, 'are at least 2').max(1_000, 'are at most 1000').nullish(),
  })
  .refine(({ from, to }) => from < to, 'the time ends before it begins')
  .refine(({ from, to }) => to.getTime() - from.getTime() < maxDays * 86_400_000, 'the time is too long');

interface Span {
  readonly from: number;
  readonly to: number;
  readonly stepSec: number;
}

/** Charts of one subject. Throws NOT_FOUND for what the caller may not see, INVALID, UNAVAILABLE. */
export async function readMetrics(api: Api, input: MetricsInput, context: CallContext): Promise<Metrics> {
  const what = 'Cannot show metrics';
  const over = spanOf(what, input);
  const { subject, appIds } = await subjectOf(api, input, context);
  const windowSec = Math.max(minWindowSec, Math.round(over.stepSec));
  const queries = input.charts.slice(0, 12).flatMap((chart) => chartQueries(chart, subject, windowSec));
  const answers = await Promise.all(
    queries.map(async (query) => ({
      query,
      answer: await api.monitor.queryRange(query.expression, over),
    })),
  );
  return {
    series: answers.flatMap(({ query, answer }) => present(query, answer, over)),
    markers: await markersOf(api, appIds, over),
    warnings: [...new Set(answers.flatMap(({ answer }) => answer.warnings))],
  };
}

/** An expression of the caller's own, over the series of its one team, or all for an administrator. */
export async function queryMetrics(
  api: Api,
  input: MetricQueryInput,
  context: CallContext,
): Promise<Metrics> {
  const what = 'Cannot ask for metrics';
  const over = spanOf(what, input);
  if (input.expression.length > 4_000) throw new AppError('INVALID', `${what}: the expression is too long`);
  const expression = await scopeTo(api, input.expression, context);
  const answer = await api.monitor.queryRange(expression, over);
  const { result } = answer.data;
  const series = result.slice(0, maxSeries).map(({ metric, values }): MetricSeries => {
    const { __name__: name = '', ...labels } = metric;
    const shown = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
    const braces = shown.length > 0 ? `{${shown.join(', ')}}` : '';
    return { chart: null, name: `${name}${braces}`, ...filled(values, over) };
  });
  const left = result.length - series.length;
  return {
    series,
    markers: [],
    warnings: [...answer.warnings, ...(left > 0 ? [`${left} more series are not in the answer`] : [])],
  };
}

function spanOf(what: string, input: Pick<MetricsInput, 'from' | 'to' | 'points'>): Span {
  const { from, to, points } = check(what, span, { from: input.from, to: input.to, points: input.points });
  const seconds = (to.getTime() - from.getTime()) / 1_000;
  const stepSec = Math.max(1, Math.ceil(seconds / ((points ?? 240) - 1)));
  // On the grid of the step, so that a chart that moves on shows the same points again.
  const end = Math.floor(to.getTime() / 1_000 / stepSec) * stepSec;
  return { from: end - Math.floor(seconds / stepSec) * stepSec, to: end, stepSec };
}

async function subjectOf(
  api: Api,
  { subject, id }: MetricsInput,
  context: CallContext,
): Promise<{ subject: ChartSubject; appIds: readonly string[] }> {
  if (isPlatform(subject)) {
    if (context.teams !== 'all')
      throw new AppError('NOT_FOUND', 'Metrics of the platform are for administrators');
    if (subject === 'DATA_CENTER') return { subject: { kind: 'NODES', node: null }, appIds: [] };
    if (!id) throw new AppError('INVALID', `Cannot show metrics: name the ${subject.toLowerCase()}`);
    const one: ChartSubject =
      subject === 'NODE' ? { kind: 'NODES', node: id } : { kind: 'SERVICE', name: id };
    return { subject: one, appIds: [] };
  }
  if (!id) throw new AppError('INVALID', `Cannot show metrics: name the ${subject.toLowerCase()}`);
  if (subject === 'APP') {
    const app = await getApp(api, id, context);
    const namespace = namespaceOf(app.teamName);
    return { subject: { kind: 'APPS', namespace, ids: [app.id], by: 'pod' }, appIds: [app.id] };
  }
  const apps = await api.repository.listApps(context, { groupId: id });
  const [first] = apps;
  if (!first) throw new AppError('NOT_FOUND', 'The group has no apps here');
  const ids = apps.map((app) => app.id);
  return {
    subject: { kind: 'APPS', namespace: namespaceOf(first.teamName), ids, by: 'app_name' },
    appIds: ids,
  };
}

function present({ chart, name }: ChartQuery, { data }: RangeAnswer, over: Span): MetricSeries[] {
  return data.result.map(({ metric, values }) => ({
    chart,
    name: 'fixed' in name ? name.fixed : (metric[name.label] ?? ''),
    ...filled(values, over),
  }));
}

/** A value for each step, null where there was none: lines break instead of leading over holes. */
function filled(
  values: RangeAnswer['data']['result'][number]['values'],
  { from, to, stepSec }: Span,
): Pick<MetricSeries, 'times' | 'values'> {
  const byTime = new Map(values);
  const times = Array.from(
    { length: Math.floor((to - from) / stepSec) + 1 },
    (_, step) => from + step * stepSec,
  );
  return {
    times,
    values: times.map((at) => {
      const value = Number(byTime.get(at) ?? NaN);
      return Number.isFinite(value) ? value : null;
    }),
  };
}

async function markersOf(api: Api, appIds: readonly string[], { from, to }: Span): Promise<MetricMarker[]> {
  if (appIds.length === 0) return [];
  const found = await api.repository.db.operation.findMany({
    where: {
      appId: { in: [...appIds] },
      createdAt: { gte: new Date(from * 1_000), lte: new Date(to * 1_000) },
    },
    orderBy: { createdAt: 'desc' },
    take: maxMarkers,
  });
  return found
    .map(({ id, appId, kind, status, createdAt }) => ({
      operationId: id,
      appId,
      kind,
      status,
      at: createdAt,
    }))
    .toReversed();
}
