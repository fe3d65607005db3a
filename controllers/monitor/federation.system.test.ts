import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Daemon } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningMonitor } from './main.ts';
import { fill, historyOf } from './testkit/history.ts';
import { conformanceQueries } from './testkit/queries.ts';
import { eventually, MonitorRig } from './testkit/rig.ts';

const targetCount = 24;
const shardCount = 4;
const now = Math.floor(Date.now() / 60_000) * 60;
const span = { from: now - 4_500, to: now - 300 };
const at = now - 600;
const referencePort = 21_740;
let rig: MonitorRig;
let monitor: RunningMonitor;
let reference: Daemon;

beforeAll(async () => {
  rig = await MonitorRig.open('hemf', 21_700);
  const histories = Array.from({ length: targetCount }, (_, index) => historyOf(index, span));
  const { dataDir } = rig.configOf(0);
  const folder = join(rig.folder, 'reference');
  await mkdir(folder);
  await writeFile(join(folder, 'empty.yml'), '');
  await fill(join(folder, 'data'), histories);
  for (let shard = 0; shard < shardCount; shard += 1) {
    await mkdir(join(dataDir, `shard-${shard}`), { recursive: true });
    const own = histories.filter((_, index) => index % shardCount === shard);
    await fill(join(dataDir, `shard-${shard}`, 'data'), own);
  }
  reference = new Daemon({
    name: 'reference',
    folder,
    command: 'prometheus',
    args: [
      `--config.file=${join(folder, 'empty.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${referencePort}`,
    ],
    ready: async () => (await fetch(`http://127.0.0.1:${referencePort}/-/ready`)).ok,
  });
  await reference.ensure();
  monitor = await rig.start(0, {
    prometheus: { shards: shardCount, scrapeIntervalSec: 3_600, evaluationIntervalSec: 3_600 },
  });
});

afterAll(async () => {
  await reference?.stop();
  await rig?.close();
});

type Series = { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] };
interface Result {
  readonly data: { readonly resultType: string; readonly result: Series[] | [number, string] };
  readonly warnings?: readonly string[];
}

async function direct(path: string): Promise<Result> {
  return (await (await fetch(`http://127.0.0.1:${referencePort}${path}`)).json()) as Result;
}

function number(text: string): number | string {
  return Number.isFinite(Number(text)) ? Number(Number(text).toPrecision(10)) : text;
}

/** The same form whatever the order; numbers by 10 digits, as a sum depends on who adds first. */
function canonical({ data: { resultType, result } }: Result): unknown {
  if (resultType === 'scalar' || resultType === 'string') return (result as [number, string])[1];
  return (result as Series[])
    .map(({ metric, value, values }) => [
      JSON.stringify(Object.entries(metric).map(String).toSorted()),
      (values ?? (value ? [value] : [])).map(([time, text]) => [time, number(text)]),
    ])
    .toSorted(([left], [right]) => ((left as string) < (right as string) ? -1 : 1));
}

/** Of equal values topk and bottomk take any, so there only values and times are to be the same. */
function comparable(query: string, result: Result): string {
  const canon = canonical(result);
  if (!/\b(top|bottom)k\b/.test(query)) return JSON.stringify(canon);
  const points = (canon as [string, unknown[]][]).flatMap(([, values]) => values.map(String));
  return JSON.stringify(points.toSorted());
}

test(`${conformanceQueries.length} queries over 4 shards answer as one Prometheus does`, async () => {
  expect(conformanceQueries.length).toBeGreaterThanOrEqual(200);
  await eventually(async () => (await rig.get<Result>(monitor, '/api/v1/query?query=up')).data !== undefined);
  const different: string[] = [];
  for (const [index, query] of conformanceQueries.entries()) {
    const own = new URLSearchParams({ query });
    const range = `start=${at - 1_800}&end=${at}&step=120`;
    const instant = `/api/v1/query?${own}&time=${at}`;
    // Ranges take longest: every third.
    for (const path of index % 3 === 0 ? [instant, `/api/v1/query_range?${own}&${range}`] : [instant]) {
      // A text has no range.
      if (query.startsWith('"') && path !== instant) continue;
      const expected = await direct(path);
      expect(expected.data, query).toBeDefined();
      const got = await rig.get<Result>(monitor, path);
      if (comparable(query, got) !== comparable(query, expected)) different.push(path);
      if (got.warnings) different.push(`${path} is partial: ${got.warnings.join()}`);
    }
  }
  expect(different).toEqual([]);
});

test('a shard that is away leaves a mark, never a wrong number without one', async () => {
  const { dataDir } = rig.configOf(0);
  const path = `/api/v1/query?query=${encodeURIComponent('count(temperature)')}&time=${at}`;
  const stopped = new Daemon({
    name: 'shard-1',
    folder: join(dataDir, 'shard-1'),
    command: 'prometheus',
    args: [],
    ready: () => Promise.resolve(true),
  });
  await stopped.signal('SIGSTOP');
  await stopped.signal('SIGKILL');
  const partial = await eventually(async () => {
    const got = await rig.get<Result>(monitor, path);
    return got.warnings && got;
  });
  expect(partial.warnings?.[0]).toMatch(/part is missing/);
  const whole = await eventually(async () => {
    const got = await rig.get<Result>(monitor, path);
    return got.warnings ? undefined : got;
  });
  expect(canonical(whole)).toEqual(canonical(await direct(path)));
});
