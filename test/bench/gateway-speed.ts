import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AbResult, compareInPairs } from '../testkit/ab-rounds.ts';
import { gatewayPort, rivalPort, type GatewayBench } from './gateway-world.ts';
import { atLeast, atMost, type Row } from './row.ts';
import { childrenOf, cpuSeconds, wrk } from './rounds.ts';

const rounds = 30;
const secondsPerRun = 1;
const connections = 32;
const host = 'h7.bench.test';

/** One side: its address and the processes that serve it. */
interface Side {
  readonly port: number;
  readonly pids: readonly number[];
}

/** Requests a second and processor time of a request, against the file by hand, in many short rounds. */
export async function measureSpeed(bench: GatewayBench, rival: number): Promise<Row[]> {
  const gateway: Side = { port: gatewayPort, pids: await workersOf(bench) };
  const byHand: Side = { port: rivalPort, pids: await childrenOf(rival) };
  let failed = 0;
  const load = async ({ port }: Side): Promise<number> => {
    const run = await wrk(`http://127.0.0.1:${port}/`, host, { seconds: secondsPerRun, connections });
    failed += run.failed;
    return run.perSecond;
  };
  const cpuMicros = async (side: Side): Promise<number> => {
    const before = await cpuSeconds(side.pids);
    const perSecond = await load(side);
    return ((await cpuSeconds(side.pids)) - before) * (1e6 / (perSecond * secondsPerRun));
  };
  const compare = (measure: (side: Side) => Promise<number>) =>
    compareInPairs({ rounds, a: () => measure(gateway), b: () => measure(byHand) });
  const speed = await compare(load);
  const cpu = await compare(cpuMicros);
  const figures = `${Math.round(speed.a)}/s to ${Math.round(speed.b)}/s, ${told(speed)}`;
  const times = `${cpu.a.toFixed(1)} µs to ${cpu.b.toFixed(1)} µs, ${told(cpu)}`;
  return [
    atLeast(`requests/s to a static file (${figures})`, speed.ratio, 0.98, 'x'),
    atMost(`processor time of a request to a static file (${times})`, cpu.ratio, 1.02, 'x'),
    atMost('failed requests of these', failed, 0, ''),
  ];
}

const told = ({ interval: [low, high], control }: AbResult): string =>
  `${low.toFixed(2)} to ${high.toFixed(2)} by 95 %, control ${control.toFixed(2)}`;

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
