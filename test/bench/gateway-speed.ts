import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gatewayPort, rivalPort, type GatewayBench } from './gateway-world.ts';
import { atLeast, atMost, type Row } from './row.ts';
import { childrenOf, cpuSeconds, median, wrk } from './rounds.ts';

const rounds = 7;
const secondsPerRun = 3;
const connections = 32;
const host = 'h7.bench.test';

const ratio = (left: number[], right: number[]) => median(left) / median(right);

interface Measured {
  readonly perSecond: number[];
  readonly cpuMicros: number[];
}

/** Requests a second and processor time of a request, against the file by hand: A, B and B again, round by round. */
export async function measureSpeed(bench: GatewayBench, rival: number): Promise<Row[]> {
  const [ours, theirs] = await Promise.all([workersOf(bench), childrenOf(rival)]);
  const sides: Record<'gateway' | 'rival' | 'control', { port: number; pids: number[] } & Measured> = {
    gateway: { port: gatewayPort, pids: ours, perSecond: [], cpuMicros: [] },
    rival: { port: rivalPort, pids: theirs, perSecond: [], cpuMicros: [] },
    control: { port: rivalPort, pids: theirs, perSecond: [], cpuMicros: [] },
  };
  let failed = 0;
  // The first round warms up.
  for (let round = -1; round < rounds; round++) {
    for (const side of Object.values(sides)) {
      const before = await cpuSeconds(side.pids);
      const run = await wrk(`http://127.0.0.1:${side.port}/`, host, { seconds: secondsPerRun, connections });
      const spent = (await cpuSeconds(side.pids)) - before;
      failed += run.failed;
      if (round < 0) continue;
      side.perSecond.push(run.perSecond);
      side.cpuMicros.push((spent * 1e6) / (run.perSecond * secondsPerRun));
    }
  }
  const { gateway, rival: byHand, control } = sides;
  const figures = `${Math.round(median(gateway.perSecond))}/s to ${Math.round(median(byHand.perSecond))}/s, control ${ratio(control.perSecond, byHand.perSecond).toFixed(2)}`;
  const cpu = `${median(gateway.cpuMicros).toFixed(1)} µs to ${median(byHand.cpuMicros).toFixed(1)} µs, control ${ratio(control.cpuMicros, byHand.cpuMicros).toFixed(2)}`;
  return [
    atLeast(
      `requests/s to a static file (${figures})`,
      ratio(gateway.perSecond, byHand.perSecond),
      0.98,
      'x',
    ),
    atMost(
      `processor time of a request to a static file (${cpu})`,
      ratio(gateway.cpuMicros, byHand.cpuMicros),
      1.02,
      'x',
    ),
    atMost('failed requests of these', failed, 0, ''),
  ];
}

/** Memory of one worker, when a thousand of its routes were just asked for. */
export async function measureMemory(bench: GatewayBench, rival: number, routes: number): Promise<Row[]> {
  for (let index = 0; index < Math.min(routes, 1_000); index++) {
    for (const port of [gatewayPort, rivalPort]) await askOnce(port, `h${(index * 7) % routes}.bench.test`);
  }
  const [ours] = await workersOf(bench);
  const [theirs] = await childrenOf(rival);
  const [own, other] = await Promise.all([memoryOf(ours ?? 0), memoryOf(theirs ?? 0)]);
  const shown = (kind: 'anonymous' | 'resident') =>
    `${own[kind].toFixed(1)} MB to ${other[kind].toFixed(1)} MB`;
  return [
    atMost(
      `anonymous memory of a worker at ${routes} routes to a static file (${shown('anonymous')})`,
      own.anonymous / other.anonymous,
      0.06,
      'x',
    ),
    atMost(
      `resident memory of a worker, code and shared memory too (${shown('resident')})`,
      own.resident / other.resident,
      0.06,
      'x',
    ),
  ];
}

async function askOnce(port: number, name: string): Promise<void> {
  const { request } = await import('node:http');
  await new Promise<void>((resolve, reject) => {
    request({ host: '127.0.0.1', port, headers: { host: name } }, (answer) =>
      answer.resume().on('end', () => resolve()),
    )
      .on('error', reject)
      .end();
  });
}

/** In MB (proc(5) smaps_rollup). */
async function memoryOf(pid: number): Promise<{ anonymous: number; resident: number }> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0) / 1_024;
  return { anonymous: field('Anonymous'), resident: field('Rss') };
}

export async function workersOf(bench: GatewayBench): Promise<number[]> {
  const master = await readFile(join(bench.config.dataDir, 'nginx-master.pid'), 'utf8');
  return childrenOf(Number(master.trim()));
}
