/**
 * What builds cost beside `buildah bud --layers` with an equivalent Dockerfile, in one run, one after the other:
 * `node test/bench/builds.ts [--apps nodejs,go] [--cases unchanged,source,cold,log] [--rounds 5]`.
 * Prints a Markdown table for docs/benchmarks.md. Ours is timed from the task in the queue to the version, its rival
 * from `git fetch` to the image in the same registry; both get packages from the same repo service.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { setLogLevel } from '@skyarc/lib/log';
import { benchApps } from './builds-apps.ts';
import { measureApp } from './builds-cases.ts';
import { measureLogLines } from './builds-log.ts';
import { BuildWorld } from './builds-world.ts';
import { printRows, type Row } from './row.ts';

const { values } = parseArgs({
  options: {
    apps: { type: 'string', default: benchApps.map(({ name }) => name).join(',') },
    cases: { type: 'string', default: 'unchanged,source,cold,log' },
    rounds: { type: 'string', default: '5' },
    packages: { type: 'string' },
  },
});
const wantedApps = values.apps.split(',');
const cases = new Set(values.cases.split(','));
const rounds = Number(values.rounds);

setLogLevel('error');
const world = await BuildWorld.start({ basePort: 21_200, env: process.env, packagesDir: values.packages });
const rows: Row[] = [];
try {
  for (const app of benchApps.filter(({ name }) => wantedApps.includes(name)))
    rows.push(...(await measureApp(world, app, { cases, rounds })));
  if (cases.has('log')) rows.push(...(await measureLogLines(world)));
} finally {
  await world.stop();
}
console.log(`Processors: ${cpus().length}; load at the end: ${loadavg()[0]?.toFixed(1)}`);
printRows(rows);
