import { sleep } from '@skyarc/lib/retry';
import type { BuildWorld } from './builds-world.ts';
import { atMost, percentile, type Row } from './row.ts';

const lines = 1_000;

/** From the moment in which a program in the sandbox prints a line to its arrival at a subscriber of the build's log. */
export async function measureLogLines(world: BuildWorld): Promise<Row[]> {
  const script = `let left = ${lines}; const timer = setInterval(() => { console.log('at', Date.now()); if (--left === 0) clearInterval(timer); }, 10);`;
  const app = await world.newApp('lines', {
    'package.json': JSON.stringify({ scripts: { build: 'node print.js', start: 'node server.js' } }),
    'print.js': script,
    'server.js': '',
  });
  const delays: number[] = [];
  const ending = new AbortController();
  const buildId = await world.begin(app.id);
  const following = (async () => {
    for await (const { frames } of world.eventLog.follow({
      stream: `build/${buildId}`,
      signal: ending.signal,
    })) {
      const now = Date.now();
      for (const { line } of frames) {
        const at = /^at (\d+)$/.exec(line)?.[1];
        if (at) delays.push(now - Number(at));
      }
    }
  })();
  for (let waited = 0; delays.length < lines && waited < 120; waited += 1) await sleep(500);
  ending.abort();
  await following;
  if (delays.length === 0)
    throw new Error(`no line came: ${(await world.logOf(buildId)).slice(-20).join('\n')}`);
  const sorted = delays.toSorted((a, b) => a - b);
  return [
    atMost(
      `log line of a build to a subscriber, p50 (${sorted.length} of ${lines} lines)`,
      percentile(sorted, 0.5),
      100,
      'ms',
    ),
    atMost('log line of a build to a subscriber, p99', percentile(sorted, 0.99), 100, 'ms'),
  ];
}
