import { writeFile } from 'node:fs/promises';
import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';

/** Series of one target, as OpenMetrics tells them with times. */
export type TargetHistory = ReadonlyMap<string, readonly (readonly [at: number, value: number])[]>;

const stepSec = 30;

/** Counters with resets, gauges with holes, NaN and infinities, and a histogram: the same for the same index. */
export function historyOf(index: number, { from, to }: { from: number; to: number }): TargetHistory {
  const zone = 'abc'[index % 3] ?? 'a';
  const own = `instance="host-${index}",job="test",zone="${zone}"`;
  const times = Array.from({ length: Math.floor((to - from) / stepSec) }, (_, step) => from + step * stepSec);
  const noise = (step: number) => ((index * 7_919 + step * 104_729) % 1_000) / 1_000;
  const series = new Map<string, (readonly [number, number])[]>();
  const put = (name: string, valueOf: (step: number) => number | null) => {
    const values = times.flatMap((at, step): [number, number][] => {
      const value = valueOf(step);
      return value === null ? [] : [[at, value]];
    });
    if (values.length > 0) series.set(name, values);
  };
  put(`machine_info{${own},rack="r${index % 2}"}`, () => 1);
  put(`temperature{${own}}`, (step) => {
    if (step % 37 === index) return index % 2 === 0 ? NaN : Infinity;
    return (step + index) % 53 < 3 ? null : 15 + 12 * Math.sin((step + index * 5) / 20) + noise(step);
  });
  for (const [code, speed] of [
    ['200', 9],
    ['500', 1],
  ] as const) {
    for (const path of ['/a', '/b']) {
      let total = 0;
      put(`http_requests_total{${own},code="${code}",path="${path}"}`, (step) => {
        total = step % 71 === index % 71 ? 0 : total + Math.floor(speed * 10 * noise(step * path.length));
        return total;
      });
    }
  }
  const counts = [0, 0, 0, 0];
  const bounds = ['0.1', '0.5', '2', '+Inf'];
  for (const [bucket, le] of bounds.entries()) {
    put(`duration_seconds_bucket{${own},le="${le}"}`, (step) => {
      counts[bucket] = (counts[bucket] ?? 0) + (bucket + 1) * 3 + (step % (index + 2) === 0 ? 1 : 0);
      return counts[bucket] ?? 0;
    });
  }
  if (index === 5) put(`sparse{${own}}`, (step) => (step % 3 === 0 ? step : null));
  return series;
}

/** Writes histories into the folder of a Prometheus that does not run. */
export async function fill(dataDir: string, histories: readonly TargetHistory[]): Promise<void> {
  const byName = Map.groupBy(
    histories.flatMap((history) => [...history]),
    ([series]) => series.split('{')[0] ?? '',
  );
  const lines = [...byName].flatMap(([name, series]) => [
    `# TYPE ${name} unknown`,
    ...series.flatMap(([labels, values]) => values.map(([at, value]) => `${labels} ${textOf(value)} ${at}`)),
  ]);
  const file = `${dataDir}.om`;
  await writeFile(file, `${lines.join('\n')}\n# EOF\n`);
  const { code, stderr } = await run('promtool', [
    'tsdb',
    'create-blocks-from',
    'openmetrics',
    file,
    dataDir,
  ]);
  if (code !== 0) throw new AppError('INTERNAL', `promtool: ${stderr}`);
}

function textOf(value: number): string {
  return value === Infinity ? '+Inf' : String(value);
}
