/**
 * What a terminal costs: keystroke echo against `kubectl exec -it`, memory while 1 GB is shown, Ctrl-C in a
 * flood. `node test/bench/terminal.ts` prints a Markdown table.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '@skyarc/lib/retry';
import { createClient, type SkyarcClient } from '@skyarc/sdk';
import { WebSocket } from 'ws';
import { Screen } from '../testkit/screen.ts';
import { password } from '../testkit/terminal-world.ts';
import { atMost, percentile, type Row } from './row.ts';

/** Of ws, as Node's own would be a good part of what is measured. */
class FastWebSocket extends WebSocket {
  constructor(
    url: string,
    init: string | string[] | { protocols: string[]; headers: Record<string, string> },
  ) {
    const { protocols, headers = {} } =
      typeof init === 'string' || Array.isArray(init) ? { protocols: init } : init;
    super(url, protocols, { headers, perMessageDeflate: false });
  }
}

interface World {
  readonly url: string;
  readonly kubeconfig: string;
  readonly appId: string;
  readonly pod: string;
}

/** Something that shows what is typed into it. */
interface Typewriter {
  type(text: string): void;
  onShown(listener: (text: string) => void): void;
  close(): void;
}

const rounds = 6;
const keysPerRound = 60;
const keyEveryMs = 25;
const median = (values: readonly number[]): number =>
  percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );

/** Milliseconds from each key to its echo, at a steady pace. */
async function echoes(writer: Typewriter): Promise<number[]> {
  const took: number[] = [];
  let sentAt = 0;
  writer.onShown((text) => {
    if (sentAt > 0 && text.includes('k')) took.push(performance.now() - sentAt);
    sentAt = 0;
  });
  for (let key = 0; key < keysPerRound; key += 1) {
    sentAt = performance.now();
    writer.type('k');
    await sleep(keyEveryMs);
  }
  writer.type('\n');
  await sleep(50);
  return took;
}

/** A program at a terminal of this machine, by script(1). */
function local(command: string): Typewriter {
  const child = spawn('script', ['-qfec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdout.setEncoding('utf8');
  return {
    type: (text) => void child.stdin.write(text),
    onShown: (listener) => void child.stdout.removeAllListeners('data').on('data', listener),
    close: () => void child.kill(),
  };
}

function ours(client: SkyarcClient, appId: string): Typewriter & { screen: Screen } {
  const screen = new Screen(client, { appId, command: ['cat'] });
  return {
    screen,
    type: (text) => screen.terminal.type(text),
    onShown: (listener) => {
      screen.onText = listener;
    },
    close: () => screen.terminal.close(),
  };
}

async function measureEcho(client: SkyarcClient, { appId, pod, kubeconfig }: World): Promise<Row[]> {
  const kubectl = `kubectl --kubeconfig ${kubeconfig} exec -it -n skyarc-blue ${pod} -- cat`;
  const skyarc = ours(client, appId);
  const writers = { skyarc, kubectl: local(kubectl), again: local(kubectl), script: local('cat') };
  await skyarc.screen.until(() => skyarc.screen.terminal.state === 'open', 'no terminal');
  await sleep(3_000);
  const seen: Record<keyof typeof writers, number[]> = { skyarc: [], kubectl: [], again: [], script: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, writer] of Object.entries(writers)) {
      const took = await echoes(writer);
      // The first round warms up.
      if (round > 0) seen[name as keyof typeof writers].push(median(took));
    }
  }
  for (const writer of Object.values(writers)) writer.close();
  const ms = Object.fromEntries(
    Object.entries(seen).map(([name, values]) => [name, median(values)]),
  ) as Record<keyof typeof writers, number>;
  const rival = ms.kubectl - ms.script;
  console.log(
    `echo p50: skyarc ${ms.skyarc.toFixed(2)} ms; kubectl ${ms.kubectl.toFixed(2)} ms, of which script(1) ${ms.script.toFixed(2)} ms; control ${(ms.again / ms.kubectl).toFixed(2)}`,
  );
  return [
    atMost('terminal: keystroke echo p50, of kubectl exec -it', ms.skyarc / ms.kubectl, 1, 'x'),
    atMost('terminal: the same without the pty that carried kubectl', ms.skyarc / rival, 1, 'x'),
  ];
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024;
}

async function measureFlood(client: SkyarcClient, { appId }: World, child: ChildProcess): Promise<Row[]> {
  const gigabyte = 1 << 30;
  const pid = child.pid ?? 0;
  const warm = new Screen(client, { appId, command: ['head', '-c', String(64 << 20), '/dev/zero'] });
  await warm.ends(60_000);
  const before = await residentMb(pid);
  let highest = before;
  const timer = setInterval(
    () => void residentMb(pid).then((now) => (highest = Math.max(highest, now))),
    100,
  );
  const began = performance.now();
  const screen = new Screen(client, { appId, command: ['head', '-c', String(gigabyte), '/dev/zero'] });
  await screen.ends(600_000);
  clearInterval(timer);
  const seconds = (performance.now() - began) / 1_000;
  console.log(
    `1 GB: ${screen.bytes} bytes in ${seconds.toFixed(1)} s, ${(screen.bytes / seconds / 1e6).toFixed(0)} MB/s`,
  );
  return [atMost('terminal: growth of the services while 1 GB was shown', highest - before, 64, 'MB')];
}

async function measureBreak(client: SkyarcClient, { appId }: World): Promise<Row[]> {
  const screen = new Screen(client, { appId });
  await screen.shows('# ');
  const took: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    screen.terminal.type('cat /dev/zero\r');
    const { bytes } = screen;
    await screen.until(() => screen.bytes > bytes + (4 << 20), 'no flood');
    screen.text = '';
    const from = performance.now();
    screen.terminal.type('\u0003');
    await screen.shows('# ');
    took.push(performance.now() - from);
  }
  screen.terminal.close();
  return [atMost('terminal: Ctrl-C in a flood to the prompt, p50', median(took), 100, 'ms')];
}

/** All rows; a cluster and the services of its own on sixteen ports from the one given. */
export async function measureTerminal(basePort: number): Promise<Row[]> {
  const options = {
    instance: 'hefbench',
    basePort,
    podCidr: '10.77.0.0/16',
    serviceCidr: '10.78.0.0/16',
    nearby: [0, 1],
  };
  const child = fork(join(import.meta.dirname, '../testkit/terminal-world-process.ts'), [
    JSON.stringify(options),
  ]);
  const [world] = (await once(child, 'message')) as [World];
  const client = createClient({
    url: `${world.url}/graphql`,
    webSocketImpl: FastWebSocket as unknown as typeof globalThis.WebSocket,
  });
  try {
    await client.account.login({ email: 'ann@example.test', password });
    return [
      ...(await measureEcho(client, world)),
      ...(await measureBreak(client, world)),
      ...(await measureFlood(client, world, child)),
    ];
  } finally {
    await client.dispose();
    child.send('stop');
    await once(child, 'exit');
  }
}

if (import.meta.main) {
  for (const { measure, goal, seen, isReached } of await measureTerminal(20_480)) {
    console.log(`| ${measure} | ${goal} | ${seen} | ${isReached ? '✓' : '✗'} |`);
  }
}
