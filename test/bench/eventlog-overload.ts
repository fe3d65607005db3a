import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createEventLogClient } from '@skyarc/lib/eventlog-client';
import { repeat } from '@skyarc/lib/retry';
import type { OfferOptions, OfferResult } from './eventlog-offer.ts';
import { atMost, type Row } from './row.ts';

export interface OverloadOptions {
  readonly pid: number;
  readonly rpcUrl: string;
  readonly ingestPort: number;
  readonly seconds: number;
}

const connections = 10;

/** Resident memory of the event log while collectors offer twice what it stores, and what became of acknowledged lines. */
export async function measureOverload({ pid, rpcUrl, ingestPort, seconds }: OverloadOptions): Promise<Row[]> {
  const common = { port: ingestPort, connections };
  const able = await offer({ ...common, linesPerSecond: 0, seconds: 10, run: 'able' });
  const linesPerSecond = (2 * able.stored) / 10;
  let most: Memory = { resident: 0, files: 0 };
  const over = new AbortController();
  const watching = repeat(
    async () => {
      const now = await memoryOf(pid);
      if (now.resident > most.resident) most = now;
    },
    { everyMs: 200, signal: over.signal, onError: (error) => console.error(String(error)) },
  );
  const { offered, stored } = await offer({ ...common, linesPerSecond, seconds, run: 'over' });
  over.abort();
  await watching;
  const client = createEventLogClient(rpcUrl);
  let found = 0;
  for (let connection = 0; connection < connections; connection += 1) {
    const { frames } = await client.read({ stream: `app/over-${connection}`, backward: true, limit: 1 });
    found += frames[0]?.sequence ?? 0;
  }
  client.close();
  console.log(
    `overload: ${Math.round(able.stored / 10)} lines/s can be stored; of ${Math.round(offered / seconds)}/s offered for ${seconds} s ${Math.round(stored / seconds)}/s were acknowledged, the rest waited with the collectors`,
  );
  return [
    atMost(
      `eventlog: resident memory at twice the load it can store (${most.files.toFixed(0)} MB of it the program's own files)`,
      most.resident,
      256,
      'MB',
    ),
    atMost('eventlog: acknowledged lines lost at twice the load', stored - found, 0, 'lines'),
  ];
}

async function offer(options: OfferOptions): Promise<OfferResult> {
  const child = fork(join(import.meta.dirname, 'eventlog-offer.ts'), [JSON.stringify(options)]);
  const [result] = (await once(child, 'message')) as [OfferResult];
  return result;
}

/** Megabytes of memory that are resident, and how many of them show files. */
interface Memory {
  readonly resident: number;
  readonly files: number;
}

/** proc(5) status. */
async function memoryOf(pid: number): Promise<Memory> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string) =>
    (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1] ?? 0) * 1_024) / 1e6;
  return { resident: megabytes('VmRSS'), files: megabytes('RssFile') };
}
