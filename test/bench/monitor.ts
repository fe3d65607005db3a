/**
 * What the monitor costs: `node test/bench/monitor.ts [speed|spread ...]` prints a Markdown table.
 * Queries through the monitor to its only shard beside the same queries to that Prometheus itself; how evenly
 * targets are spread over shards, and how many move when there is one more.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stack } from '@skyarc/lib/lifecycle';
import { sleep } from '@skyarc/lib/retry';
import { Pool } from 'undici';
import { assign, type Weighed } from '../../controllers/monitor/prometheus/assign.ts';
import { fill, historyOf } from '../../controllers/monitor/testkit/history.ts';
import type { ProcessOptions } from '../../controllers/monitor/testkit/monitor-process.ts';
import { conformanceQueries } from '../../controllers/monitor/testkit/queries.ts';
import { MonitorRig, token } from '../../controllers/monitor/testkit/rig.ts';
import { compareInRounds } from '../testkit/ab-rounds.ts';
import { randomOf } from '../testkit/random.ts';
import { atLeast, atMost, printRows, type Row } from './row.ts';

const basePort = 21_960;
const targetCount = 24;
const clients = 2;
const now = Math.floor(Date.now() / 60_000) * 60;

/** Queries a second, each path once. */
async function rateOf(
  pool: Pool,
  paths: readonly string[],
  headers: Record<string, string>,
): Promise<number> {
  const open = [...paths];
  const at = performance.now();
  const client = async (): Promise<void> => {
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const { statusCode, body } = await pool.request({ method: 'GET', path, headers });
      await body.bytes();
      if (statusCode !== 200) throw new Error(`${path} answers ${statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return (paths.length * 1_000) / (performance.now() - at);
}

const own = (query: string): URLSearchParams => new URLSearchParams({ query });

/** What plots and pages ask: every expression for now, every third for half an hour, too. */
function pathsOf(): { instant: string[]; range: string[] } {
  const at = now - 600;
  // A text has no range.
  const queries = conformanceQueries.filter((query) => !query.startsWith('"'));
  return {
    instant: queries.map((query) => `/api/v1/query?${own(query)}&time=${at}`),
    range: queries
      .filter((_, index) => index % 3 === 0)
      .map((query) => `/api/v1/query_range?${own(query)}&start=${at - 1_800}&end=${at}&step=15`),
  };
}

async function speed(stack: Stack): Promise<Row[]> {
  const rig = stack.use(await MonitorRig.open('monbench', basePort), (it) => it.close());
  const config = rig.prepare(0, {
    // As it is outside of tests.
    syncEveryMs: 5_000,
    prometheus: { scrapeIntervalSec: 3_600, evaluationIntervalSec: 3_600 },
  });
  const folder = join(config.dataDir, 'shard-0');
  await mkdir(folder, { recursive: true });
  const span = { from: now - 4_500, to: now - 300 };
  await fill(
    join(folder, 'data'),
    Array.from({ length: targetCount }, (_, index) => historyOf(index, span)),
  );
  const options: ProcessOptions = { config, databaseFile: rig.databaseFile, keyFile: rig.keyFile };
  const module = fileURLToPath(import.meta.resolve('../../controllers/monitor/testkit/monitor-process.ts'));
  const child = fork(module, [JSON.stringify(options)]);
  stack.add(async () => {
    child.disconnect();
    await once(child, 'exit');
  });
  const [url] = (await once(child, 'message')) as [string];
  const through = stack.use(new Pool(url, { connections: clients }), (it) => it.close());
  const direct = stack.use(
    new Pool(`http://127.0.0.1:${config.prometheus?.port}`, { connections: clients }),
    (it) => it.close(),
  );
  const { instant, range } = pathsOf();
  const compare = async (what: string, paths: readonly string[], repeats: number): Promise<Row> => {
    const all = Array.from({ length: repeats }, () => paths).flat();
    const { ratio, control, isValid, a, b, interval } = await compareInRounds({
      rounds: 7,
      a: () => rateOf(through, all, { authorization: `Bearer ${token}` }),
      b: () => rateOf(direct, all, {}),
    });
    const figures = `${b.toFixed(0)}/s to ${a.toFixed(0)}/s, 95 %: ${interval.map((one) => one.toFixed(2)).join(' to ')}`;
    const quality = `control ${control.toFixed(2)}${isValid ? '' : ', void'}`;
    return atLeast(
      `${what} through the monitor to one shard, to Prometheus itself (${figures}; ${quality})`,
      ratio,
      0.95,
      'x',
    );
  };
  await sleep(2_000);
  return [
    await compare('plots and pages', [...instant, ...range], 2),
    await compare('plots (query_range)', range, 5),
    await compare('single figures (query)', instant, 5),
  ];
}

/** Fleets of 200 to 400 targets with 20 to 400 series each, or with a few of ten times as many. */
function fleetOf(seed: number): Weighed[] {
  const random = randomOf(seed);
  const heavy = seed % 2 === 0 ? 0 : 0.05;
  return Array.from({ length: 200 + Math.floor(random() * 200) }, (_, index) => ({
    key: `t${index}`,
    weight: Math.floor((20 + random() * 380) * (random() < heavy ? 10 : 1)),
  }));
}

function spread(): Row[] {
  const fleets = 500;
  const worst = { spread: 0, moved: 0 };
  for (let seed = 1; seed <= fleets; seed += 1) {
    const fleet = fleetOf(seed);
    const total = fleet.reduce((sum, { weight }) => sum + weight, 0);
    let before = new Map<string, number>();
    for (let shards = 1; shards <= 5; shards += 1) {
      const after = assign(fleet, shards, before);
      const loads = Array.from({ length: shards }, () => 0);
      for (const { key, weight } of fleet) loads[after.get(key) ?? 0]! += weight;
      worst.spread = Math.max(worst.spread, Math.max(...loads) / (total / shards));
      const moved = fleet.filter(({ key }) => before.has(key) && before.get(key) !== after.get(key)).length;
      // One more than N: at most 1.2 / (N + 1).
      if (shards > 1) worst.moved = Math.max(worst.moved, (moved / fleet.length) * shards);
      before = after;
    }
  }
  return [
    atMost(
      `series of the fullest of 1 to 5 shards, to the mean (worst of ${fleets} fleets)`,
      worst.spread,
      1.1,
      'x',
    ),
    atMost(
      'targets that move when there is one more shard, times the number of shards then',
      worst.moved,
      1.2,
      'x',
    ),
  ];
}

const parts = { speed, spread };
const asked = process.argv.slice(2);
const stack = new Stack();
try {
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(parts)) {
    if (asked.length === 0 || asked.includes(name)) rows.push(...(await measure(stack)));
  }
  printRows(rows);
} finally {
  await stack.stop();
}
