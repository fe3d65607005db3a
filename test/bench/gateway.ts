/**
 * What the gateway costs and how fast it follows: `node test/bench/gateway.ts [speed|memory|changes|kill|weights|churn ...]`.
 * Prints a Markdown table for docs/benchmarks.md. The rival is the same nginx with a static file by hand, one worker each.
 */
import { cpus, loadavg } from 'node:os';
import { setLogLevel } from '@skyarc/lib/log';
import { measureChanges, measureKill } from './gateway-changes.ts';
import { measureChurn, measureWeights } from './gateway-churn.ts';
import { measureMemory, measureSpeed } from './gateway-speed.ts';
import { GatewayBench } from './gateway-world.ts';
import { printRows, type Row } from './row.ts';

setLogLevel('error');
const wanted = process.argv.slice(2);
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);
const rows: Row[] = [];

async function within(
  routes: number,
  measure: (bench: GatewayBench, rival: number) => Promise<void>,
): Promise<void> {
  const bench = await GatewayBench.start();
  try {
    const made = routes > 1_000 ? await bench.manyRoutes(routes) : await bench.routes(routes);
    const rival = await bench.startRival(made);
    await measure(bench, (await rival.findPid()) ?? 0);
  } finally {
    await bench.stop();
  }
}

if (['speed', 'changes', 'kill', 'weights', 'churn'].some(isWanted)) {
  await within(1_000, async (bench, rival) => {
    if (isWanted('speed')) rows.push(...(await measureSpeed(bench, rival)));
    if (isWanted('changes')) rows.push(...(await measureChanges(bench, 1_000)));
    if (isWanted('weights')) rows.push(...(await measureWeights(bench)));
    if (isWanted('churn')) {
      rows.push(
        ...(await measureChurn(bench, {
          requests: 1_000_000,
          endpoints: 1_000,
          routes: 200,
          certificates: 100,
          weights: 50,
          upgrades: 20,
        })),
      );
    }
    if (isWanted('kill')) rows.push(...(await measureKill(bench)));
  });
}
if (isWanted('memory')) {
  await within(5_000, async (bench, rival) => {
    rows.push(...(await measureMemory(bench, rival, 5_000)));
  });
}
console.log(`Processors: ${cpus().length}; load at the end: ${loadavg()[0]?.toFixed(1)}`);
printRows(rows);
