/**
 * Kills parts of a Skyarc of its own at random, more often than a test has time for:
 * `node test/faults/kills.ts [--kills 100] [--seed 1]`. Ends with 1 when anything was damaged.
 */
import { parseArgs } from 'node:util';
import { Installation } from '../testkit/installation.ts';
import { claim } from '../testkit/session.ts';
import { killAtRandom } from './random-kills.ts';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
});
const [kills, seed] = [Number(values.kills), Number(values.seed)];
const installation = new Installation({ instance: 'skyarckill', portOffset: 18_500, network: 170 });
await installation.purge();
try {
  await installation.start();
  const report = await killAtRandom(installation, await claim(installation), {
    kills,
    seed,
    onKill: (text) => console.log(text),
  });
  console.log(JSON.stringify(report, null, 2));
  process.exitCode = report.damage.length > 0 ? 1 : 0;
} finally {
  await installation.purge();
}
