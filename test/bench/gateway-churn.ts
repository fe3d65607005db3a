import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, type Daemon } from '@skyarc/lib/process';
import { sleep } from '@skyarc/lib/retry';
import { Certificates, putCertificate, shownName, useTls } from './gateway-changes.ts';
import { addressOf, backendPort, gatewayPort, type GatewayBench } from './gateway-world.ts';
import { childrenOf } from './rounds.ts';
import { atMost, type Row } from './row.ts';

/** Asks every host in turn; counts answers that are not 200 and whatever broke. */
const wrkScript = (hosts: number) => `local n = 0
function request()
  n = (n + 1) % ${hosts}
  return wrk.format("GET", "/", { Host = "h" .. n .. ".bench.test" })
end
function done(summary)
  local e = summary.errors
  io.write(("TOTAL %d connect %d read %d write %d timeout %d status %d\\n"):format(
    summary.requests, e.connect, e.read, e.write, e.timeout, e.status))
end
`;

const split = (canary: number) => ({
  split: {
    targets: [
      { service: 'h0', port: 80, weight: 1_000 - canary },
      { service: 'h1', port: 80, weight: canary },
    ],
  },
});

/** The share of a canary of 10 % in a hundred thousand requests, in standard deviations. */
export async function measureWeights(bench: GatewayBench): Promise<Row[]> {
  await bench.route(0, { policy: split(100) });
  await sleep(500);
  const before = await countsOf(bench);
  await load(bench, { hosts: 1, seconds: 5, atLeast: 100_000 });
  await sleep(2_500);
  const after = await countsOf(bench);
  const [stable, canary] = ['default/h0:80', 'default/h1:80'].map(
    (key) => (after[key] ?? 0) - (before[key] ?? 0),
  );
  const total = (stable ?? 0) + (canary ?? 0);
  const sigma = Math.sqrt(total * 0.1 * 0.9);
  const away = Math.abs((canary ?? 0) - total * 0.1) / sigma;
  return [atMost(`weight 100 of 1000 in ${total} requests: ${canary}, deviation`, away, 3, 'sigma')];
}

/** Requests by backend of the Ingress h0. */
async function countsOf(bench: GatewayBench): Promise<Record<string, number>> {
  const text = await (await fetch(`${bench.gateway.statusUrl}/metrics`)).text();
  const counts: Record<string, number> = {};
  for (const [, backend = '', count] of text.matchAll(
    /^skyarc_gateway_requests_total\{namespace="default",ingress="h0",backend="([^"]+)"[^}]*\} (\d+)$/gm,
  ))
    counts[backend] = (counts[backend] ?? 0) + Number(count);
  return counts;
}

async function load(
  bench: GatewayBench,
  { hosts, seconds, atLeast }: { hosts: number; seconds: number; atLeast: number },
): Promise<{ total: number; failed: number; why: string }> {
  const script = join(bench.folder, 'load.lua');
  await writeFile(script, wrkScript(hosts));
  let total = 0;
  const kinds = [0, 0, 0, 0, 0];
  while (total < atLeast) {
    const args = [
      '-t1',
      '-c32',
      '--timeout',
      '20s',
      `-d${seconds}s`,
      '-s',
      script,
      `http://127.0.0.1:${gatewayPort}/`,
    ];
    const { stdout } = await run('wrk', args, { timeoutMs: (seconds + 30) * 1_000 });
    const [asked = 0, ...broken] = [...(/TOTAL.*/.exec(stdout)?.[0] ?? '').matchAll(/\d+/g)].map(Number);
    total += asked;
    for (const [kind, count] of broken.entries()) kinds[kind] = (kinds[kind] ?? 0) + count;
  }
  const failed = kinds.reduce((sum, count) => sum + count, 0);
  const names = ['connect', 'read', 'write', 'timeout', 'status'];
  const why = names.flatMap((name, kind) => (kinds[kind] ? [`${name} ${kinds[kind]}`] : [])).join(', ');
  return { total, failed, why };
}

export interface Churn {
  readonly requests: number;
  readonly endpoints: number;
  readonly routes: number;
  readonly certificates: number;
  readonly weights: number;
  readonly upgrades: number;
}

/** Requests without any retry of the client while everything changes; backends are killed after they were withdrawn. */
export async function measureChurn(bench: GatewayBench, wanted: Churn): Promise<Row[]> {
  const hosts = 100;
  const over = new AbortController();
  const traffic = load(bench, { hosts, seconds: 20, atLeast: wanted.requests }).finally(() => over.abort());
  let [handshakes, brokenHandshakes] = [0, 0];
  const tls = (async () => {
    for (; !over.signal.aborted; handshakes++) {
      if ((await shownName('h5.bench.test')) === '') brokenHandshakes += 1;
      await sleep(20);
    }
  })();
  const done = await Promise.all([
    times(wanted.endpoints, (round) => bench.endpoints(10 + (round % 80), [addressOf(30_000 + round)])),
    times(wanted.routes, (round) => bench.route(2_000 + round)),
    changeCertificates(bench, wanted.certificates),
    times(wanted.weights, (round) => bench.route(0, { policy: split((round * 37) % 1_000) })),
    upgrade(bench, wanted.upgrades),
  ]);
  const { total, failed, why } = await traffic;
  await tls;
  const changes = `${done.slice(0, 4).join(', ')} endpoint, route, certificate, weight changes, ${done[4]} rolling upgrades`;
  return [
    atMost(`failed of ${total} requests during ${changes}${why && ` (${why})`}`, failed, 0, ''),
    atMost(`failed of ${handshakes} handshakes meanwhile`, brokenHandshakes, 0, ''),
  ];
}

async function times(count: number, change: (round: number) => Promise<unknown>): Promise<number> {
  for (let round = 0; round < count; round++) {
    await change(round);
    await sleep(20);
  }
  return count;
}

async function changeCertificates(bench: GatewayBench, count: number): Promise<number> {
  const certificates = new Certificates(bench);
  await useTls(bench, 5);
  return times(count, async (round) =>
    putCertificate(bench, 5, await certificates.make('h5.bench.test', `churn${round}`)),
  );
}

/** The master and its workers, which would outlive it. */
async function killAll(pod: Daemon): Promise<void> {
  const master = await pod.findPid();
  if (master === null) return;
  for (const pid of [...(await childrenOf(master)), master]) process.kill(pid, 'SIGKILL');
}

/** A new server beside the old, then the old is withdrawn, and killed a moment later. */
async function upgrade(bench: GatewayBench, count: number): Promise<number> {
  const serve = (address: string) =>
    bench.startStatic(`pod-${address}`, `server { listen ${address}:${backendPort + 1}; return 200 ok; }`, {
      probe: `http://${address}:${backendPort + 1}/`,
    });
  let [address, pod] = [addressOf(40_000), await serve(addressOf(40_000))];
  await bench.endpoints(6, [address], backendPort + 1);
  for (let round = 1; round <= count; round++) {
    const next = addressOf(40_000 + round);
    const ready = await serve(next);
    await bench.endpoints(6, [address, next], backendPort + 1);
    await bench.endpoints(6, [next], backendPort + 1);
    await sleep(1_000);
    await killAll(pod);
    [address, pod] = [next, ready];
  }
  return count;
}
