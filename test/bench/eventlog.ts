/**
 * The event log against what people use: ingest and store against rsyslog, live lines against a bare `ws`
 * fan-out, the last lines and search of a large store against `grep -F`, memory at twice the load.
 * `node test/bench/eventlog.ts [--only ingest,live,read,search,overload] [--gigabytes 1] [--subscribers 500]
 * [--rounds 25] [--seconds 60]` prints a Markdown table.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createEventLogClient } from '@skyarc/lib/eventlog-client';
import { run } from '@skyarc/lib/process';
import { sleep } from '@skyarc/lib/retry';
import { makeGrantKeys } from '@skyarc/lib/signed-grant';
import { compareInPairs, compareInRounds } from '../testkit/ab-rounds.ts';
import { Part } from '../testkit/kill.ts';
import { assertOwnsPort } from '../testkit/ports.ts';
import { lineOf, type LoadOptions } from './eventlog-lines.ts';
import { measureLive } from './eventlog-live.ts';
import { measureOverload } from './eventlog-overload.ts';
import { cpuSeconds, median } from './rounds.ts';
import { atLeast, atMost, percentile, printRows, type Row } from './row.ts';

const ports = { rpc: 21_650, ingest: 21_651, socket: 21_652, syslog: 21_653, bare: 21_654 };
const eventlogModule = fileURLToPath(import.meta.resolve('@skyarc/controllers/eventlog'));
const connections = 10;
const apps = 100;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    gigabytes: { type: 'string', default: '1' },
    lines: { type: 'string', default: '1000000' },
    subscribers: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '25' },
    seconds: { type: 'string', default: '60' },
  },
});
const only = values.only?.split(',');
const lines = Number(values.lines);
const folder = await mkdtemp(join(tmpdir(), 'skyarc-bench-eventlog-'));
const keys = makeGrantKeys();

async function startEventlog(name: string): Promise<Part> {
  const config = {
    port: ports.rpc,
    ingestPort: ports.ingest,
    socketPort: ports.socket,
    statusPort: 0,
    grantKey: keys.publicKey,
    dataDir: join(folder, name),
    retention: { streamBytes: 1e15, totalBytes: 1e15, minFreeBytes: 0 },
  };
  const part = await Part.start({ module: eventlogModule, config });
  await assertOwnsPort(part.pid, ports.ingest);
  return part;
}

/** Sends everything; answers the seconds that it took until the last line was stored. */
async function load(options: LoadOptions, isStored: () => Promise<boolean>): Promise<number> {
  const child = fork(join(import.meta.dirname, 'eventlog-load.ts'), [JSON.stringify(options)]);
  await once(child, 'message');
  const from = performance.now();
  child.send('begin');
  await once(child, 'message');
  while (!(await isStored())) await sleep(5);
  return (performance.now() - from) / 1_000;
}

async function startRsyslog(): Promise<ChildProcess> {
  const config = join(folder, 'rsyslog.conf');
  await mkdir(join(folder, 'syslog'), { recursive: true });
  await writeFile(
    config,
    `global(workDirectory="${folder}" maxMessageSize="64k")
module(load="imptcp" threads="2")
template(name="file" type="string" string="${folder}/syslog/%programname%.log")
template(name="text" type="string" string="%msg:2:$%\\n")
main_queue(queue.size="200000" queue.dequeueBatchSize="4096")
input(type="imptcp" address="127.0.0.1" port="${ports.syslog}")
action(type="omfile" dynaFile="file" template="text" dynaFileCacheSize="${2 * apps}" ioBufferSize="64k" flushOnTXEnd="on")
`,
  );
  const child = spawn('rsyslogd', ['-n', '-f', config, '-i', join(folder, 'rsyslog.pid')], {
    stdio: 'ignore',
  });
  for (let tries = 0; tries < 200; tries += 1) {
    if (
      await assertOwnsPort(child.pid ?? 0, ports.syslog).then(
        () => true,
        () => false,
      )
    )
      return child;
    await sleep(50);
  }
  throw new Error('rsyslogd does not listen');
}

async function bytesIn(path: string): Promise<number> {
  const sizes = await Promise.all(
    (await readdir(path)).map(async (name) => (await stat(join(path, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Lines a second and microseconds of processor a line, both ways in turn. */
async function measureIngest(): Promise<Row[]> {
  const eventlog = await startEventlog('ingest');
  const rsyslog = await startRsyslog();
  const cpu = { ours: [] as number[], theirs: [] as number[] };
  const expected = lines * Buffer.byteLength(`${lineOf(0)}\n`);
  let round = 0;
  const ours = async (): Promise<number> => {
    const before = await cpuSeconds([eventlog.pid]);
    const options: LoadOptions = {
      protocol: 'blocks',
      port: ports.ingest,
      connections,
      apps,
      lines,
      run: `r${(round += 1)}`,
    };
    const seconds = await load(options, async () => true);
    await sleep(1_500);
    cpu.ours.push((((await cpuSeconds([eventlog.pid])) - before) / lines) * 1e6);
    return lines / seconds;
  };
  const theirs = async (): Promise<number> => {
    const pid = rsyslog.pid ?? 0;
    const before = await cpuSeconds([pid]);
    const path = join(folder, 'syslog');
    const options: LoadOptions = {
      protocol: 'syslog',
      port: ports.syslog,
      connections,
      apps,
      lines,
      run: `r${(round += 1)}`,
    };
    const seconds = await load(options, async () => (await bytesIn(path)) >= expected);
    cpu.theirs.push((((await cpuSeconds([pid])) - before) / lines) * 1e6);
    for (const name of await readdir(path)) await rm(join(path, name));
    rsyslog.kill('SIGHUP');
    await sleep(300);
    return lines / seconds;
  };
  try {
    const { ratio, a, b, control, isValid } = await compareInPairs({ rounds: 9, a: ours, b: theirs });
    const [mine, rival] = [median(cpu.ours), median(cpu.theirs)];
    console.log(
      `ingest: ${Math.round(a)} lines/s, ${mine.toFixed(2)} us of processor a line; rsyslog ${Math.round(b)} lines/s, ${rival.toFixed(2)} us; control ${control.toFixed(2)}${isValid ? '' : ' (void)'}`,
    );
    return [
      atLeast('eventlog: lines/s stored (synced), of rsyslog file per app', ratio, 1, 'x'),
      atMost('eventlog: processor a line, of rsyslog', mine / rival, 1, 'x'),
    ];
  } finally {
    rsyslog.kill('SIGKILL');
    await eventlog.kill();
  }
}

async function measureFanOut(): Promise<Row[]> {
  const eventlog = await startEventlog('live');
  try {
    return await measureLive({
      pid: eventlog.pid,
      ingestUrl: `tcp://127.0.0.1:${ports.ingest}`,
      socketUrl: `ws://127.0.0.1:${ports.socket}`,
      signingKey: keys.privateKey,
      barePort: ports.bare,
      subscribers: Number(values.subscribers),
      rounds: Number(values.rounds),
    });
  } finally {
    await eventlog.kill();
  }
}

/** The last lines of any app with so much text stored. */
async function measureRead(gigabytes: number): Promise<Row[]> {
  const eventlog = await startEventlog('read');
  const client = createEventLogClient(`http://127.0.0.1:${ports.rpc}`);
  try {
    const bytes = Buffer.byteLength(`${lineOf(0)}\n`);
    const times = Math.ceil((gigabytes * 1e9) / bytes / 1e6);
    const options = { protocol: 'blocks', port: ports.ingest, connections, lines: 1_000_000 } as const;
    const took = await load({ ...options, apps: 10, run: 'p', times }, async () => true);
    console.log(`read: stored ${times} million lines in ${took.toFixed(0)} s`);
    await sleep(2_000);
    const last: number[] = [];
    for (let n = 0; n < 1_000; n += 1) {
      const stream = `app/p${n % times}-${n % 10}`;
      const from = performance.now();
      const { frames } = await client.read({ stream, backward: true, limit: 1_000 });
      last.push(performance.now() - from);
      if (frames.length !== 1_000) throw new Error(`${stream} gave ${frames.length} lines`);
    }
    const p99 = percentile(
      last.slice(20).toSorted((x, y) => x - y),
      0.99,
    );
    const stored = ((times * 1e6 * bytes) / 1e9).toFixed(1);
    return [atMost(`eventlog: last 1,000 lines p99, ${stored} GB of lines stored`, p99, 20, 'ms')];
  } finally {
    client.close();
    await eventlog.kill();
  }
}

async function measureFlood(): Promise<Row[]> {
  const eventlog = await startEventlog('overload');
  try {
    const rpcUrl = `http://127.0.0.1:${ports.rpc}`;
    const seconds = Number(values.seconds);
    return await measureOverload({ pid: eventlog.pid, rpcUrl, ingestPort: ports.ingest, seconds });
  } finally {
    await eventlog.kill();
  }
}

/** A rare word in all lines of one app, of which there are 2 million. */
async function measureSearch(): Promise<Row[]> {
  const eventlog = await startEventlog('search');
  const client = createEventLogClient(`http://127.0.0.1:${ports.rpc}`);
  try {
    return await search(client);
  } finally {
    client.close();
    await eventlog.kill();
  }
}

async function search(client: ReturnType<typeof createEventLogClient>): Promise<Row[]> {
  const searched = 2_000_000;
  const options = {
    protocol: 'blocks',
    port: ports.ingest,
    connections,
    apps: 1,
    lines: searched,
    run: 'search',
  } as const;
  await load(options, async () => true);
  const file = join(folder, 'search.log');
  const text = Array.from({ length: searched / connections }, (_, number) => `${lineOf(number)}\n`).join('');
  await writeFile(file, Array.from({ length: connections }, () => text).join(''));
  const word = `line=${searched / connections - 7} `;
  const megabytes = (await stat(file)).size / 1e6;
  const ours = async (): Promise<number> => {
    const from = performance.now();
    let found = 0;
    for (let more = true, cursor = 0; more;) {
      const page = await client.read({ stream: 'app/search-0', contains: word, cursor });
      found += page.frames.length;
      ({ more, cursor } = page);
    }
    if (found !== connections) throw new Error(`${found} lines found`);
    return megabytes / ((performance.now() - from) / 1_000);
  };
  const theirs = async (): Promise<number> => {
    const from = performance.now();
    await run('grep', ['-F', '--', word, file], {
      env: { ...(process.env as Record<string, string>), LC_ALL: 'C' },
    });
    return megabytes / ((performance.now() - from) / 1_000);
  };
  const { ratio, a, b, control, isValid } = await compareInRounds({ rounds: 7, a: ours, b: theirs });
  console.log(
    `search: ${a.toFixed(0)} MB/s; grep -F ${b.toFixed(0)} MB/s; control ${control.toFixed(2)}${isValid ? '' : ' (void)'}`,
  );
  return [atLeast(`eventlog: search of ${(megabytes / 1_000).toFixed(1)} GB, of grep -F`, ratio, 0.5, 'x')];
}

try {
  const rows: Row[] = [];
  if (!only || only.includes('ingest')) rows.push(...(await measureIngest()));
  if (!only || only.includes('live')) rows.push(...(await measureFanOut()));
  if (!only || only.includes('read')) rows.push(...(await measureRead(Number(values.gigabytes))));
  if (!only || only.includes('search')) rows.push(...(await measureSearch()));
  if (!only || only.includes('overload')) rows.push(...(await measureFlood()));
  printRows(rows);
} finally {
  await rm(folder, { recursive: true, force: true });
}
