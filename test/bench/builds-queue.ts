/**
 * How long a build waits though a builder is free: `node test/bench/builds-queue.ts [builds]`. Prints a Markdown table.
 * From the request's transaction (operation, build and task written) to the build's first step, through a real etcd,
 * queue, database and two builders in processes of their own.
 */
import { sleep } from '@skyarc/lib/retry';
import { BuildNodes } from '../testkit/build-nodes.ts';
import { atMost, percentile, printRows, type Row } from './row.ts';

const teams = ['red', 'green', 'blue', 'gold'];
const everyMs = 400;

/** Milliseconds that each of the builds waited. */
async function waitsOf(world: BuildNodes, builds: number): Promise<number[]> {
  const apps = await Promise.all(
    teams.map((team) => world.newApp({ kind: 'TEMPLATE', template: 'hello-static' }, team)),
  );
  // The first builds make what all later ones find unchanged: those hold a slot for a moment only.
  for (const app of apps) await world.ended(await world.deploy(app));
  const waits: number[] = [];
  for (let index = 0; index < builds; index += 1) {
    const app = apps[index % apps.length] as (typeof apps)[number];
    // Nobody rolls out here, so the operation would hold the app.
    await world.db.app.update({ where: { id: app.id }, data: { activeOperationId: null } });
    const { createdAt, startedAt } = await world.ended(await world.deploy(app));
    waits.push(Number(startedAt) - Number(createdAt));
    await sleep(everyMs * Math.random());
  }
  return waits.toSorted((a, b) => a - b);
}

/** All rows; builders, queue, registry and database of its own on three ports from the one given. */
export async function measureQueue(basePort: number, builds = 200): Promise<Row[]> {
  const world = await BuildNodes.open('queuebench', basePort);
  try {
    await Promise.all([world.start('one', { slots: 2 }), world.start('two', { slots: 2 })]);
    const waits = await waitsOf(world, builds);
    return [
      atMost(`builds: wait for a free builder, p50 of ${builds}`, percentile(waits, 0.5), 250, 'ms'),
      atMost(`builds: wait for a free builder, p99 of ${builds}`, percentile(waits, 0.99), 250, 'ms'),
    ];
  } finally {
    await world.close();
  }
}

if (import.meta.main) printRows(await measureQueue(21_040, Number(process.argv[2] ?? 200)));
