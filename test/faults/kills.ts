/**
 * Kills parts of a Skyarc of its own at random, more often than a test has time for:
 * `node test/faults/kills.ts [--kills 100] [--seed 1] [--state <file>]`. Ends with 1 when anything was damaged. With a
 * file of state the installation stays, stopped, and the next run with that file goes on with it: short runs make a long
 * one. Without the option nothing is left.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Installation } from '../testkit/installation.ts';
import type { World } from '../testkit/journey-setup.ts';
import { claim } from '../testkit/session.ts';
import { killAtRandom } from './random-kills.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    state: { type: 'string' },
  },
});
const [kills, seed] = [Number(values.kills), Number(values.seed)];
const { state } = values;
const installation = new Installation({ instance: 'skyarckill', portOffset: 18_500, network: 170 });
const earlier = state === undefined ? null : await readFile(state, 'utf8').catch(() => null);
if (earlier === null) await installation.purge();
let isKept = false;
try {
  await installation.start();
  const world = earlier === null ? await claim(installation) : (JSON.parse(earlier) as World);
  const report = await killAtRandom(installation, world, {
    kills,
    seed,
    onKill: (text) => console.log(text),
  });
  console.log(JSON.stringify(report, null, 2));
  process.exitCode = report.damage.length > 0 ? 1 : 0;
  if (state !== undefined) {
    await writeFile(state, JSON.stringify(world), { mode: 0o600 });
    isKept = true;
  }
} finally {
  if (isKept) {
    await installation.interrupt();
    await installation.command('down');
  } else {
    await installation.purge();
    if (state !== undefined) await rm(state, { force: true });
  }
}
