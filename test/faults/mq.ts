/**
 * Random faults against the queue: `node test/faults/mq.ts [--schedules 500] [--first 1] [--port 21420]`. Each seed is a
 * schedule of load and faults, followed by a check of its history; every fifth has an etcd of three members. Exits 1
 * and keeps the history of each seed that failed.
 */
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setLogLevel } from '@skyarc/lib/log';
import { runSchedule, type ScheduleResult } from './mq-schedule.ts';
import { MqWorld } from './mq-world.ts';

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '20' },
    first: { type: 'string', default: '1' },
    port: { type: 'string', default: '21420' },
  },
});
setLogLevel('error');
process.env['LOG_LEVEL'] ??= 'error';
const first = Number(values.first);
const seeds = Array.from({ length: Number(values.schedules) }, (_, index) => first + index);
const results: ScheduleResult[] = [];
const began = Date.now();
for (const members of [1, 3] as const) {
  const own = seeds.filter((seed) => (seed % 5 === 0 ? 3 : 1) === members);
  if (own.length === 0) continue;
  const world = await MqWorld.start({ members, basePort: Number(values.port) + (members === 3 ? 20 : 0) });
  try {
    for (const seed of own) {
      const result = await runSchedule(world, seed);
      results.push(result);
      if (result.violations.length > 0) await report(result);
    }
  } finally {
    await world.stop();
  }
}

async function report({ seed, faults, violations, events }: ScheduleResult): Promise<void> {
  const file = join(tmpdir(), `mq-faults-${seed}.jsonl`);
  await writeFile(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  console.log(`seed ${seed} (${faults.join(', ')}): ${violations.length} violations, history in ${file}`);
  for (const { rule, id, text } of violations.slice(0, 5)) console.log(`  ${rule} ${id}: ${text}`);
}

const sum = (of: (result: ScheduleResult) => number) => results.reduce((total, one) => total + of(one), 0);
const failed = results.filter(({ violations }) => violations.length > 0).length;
const published = sum((one) => one.published);
console.log(
  `${results.length} schedules, ${published} messages acknowledged, ${sum((one) => one.deliveries)} hand-outs, ` +
    `${failed} failed, ${Math.round((Date.now() - began) / 1_000)} s`,
);
const byFault = Map.groupBy(
  results.flatMap((one) => one.faults),
  (name) => name,
);
console.log([...byFault].map(([name, times]) => `${name} ${times.length}`).join(', '));
// Left to itself, Node may spin for ever while it closes sockets whose peers were cut off in mid-write.
process.exit(failed > 0 ? 1 : 0);
