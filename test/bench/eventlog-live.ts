/** Live lines of the event log beside a bare `ws` server that sends each message to all its subscribers. */
import { once } from 'node:events';
import { join } from 'node:path';
import { createIngestClient } from '@skyarc/lib/eventlog-client';
import { sleep } from '@skyarc/lib/retry';
import { GrantSigner } from '@skyarc/lib/signed-grant';
import { WebSocket } from 'ws';
import { compareInPairs } from '../testkit/ab-rounds.ts';
import { Part } from '../testkit/kill.ts';
import { lineOf } from './eventlog-lines.ts';
import { cpuSeconds, median } from './rounds.ts';
import { atMost, percentile, type Row } from './row.ts';

export interface LiveOptions {
  /** Of the event log. */
  readonly pid: number;
  readonly ingestUrl: string;
  readonly socketUrl: string;
  /** PEM of the key that signs grants. */
  readonly signingKey: string;
  /** Of the bare server. */
  readonly barePort: number;
  readonly subscribers: number;
  readonly rounds: number;
}

const linesPerSecond = 100;
const roundSeconds = 1.5;
const linesPerRound = linesPerSecond * roundSeconds;
const stream = 'app/live';

/** Subscribers of one server, connected for the whole run. */
class Audience {
  private readonly sockets: readonly WebSocket[];
  private readonly pid: number;
  private readonly publish: (line: string) => void;
  private took: number[] = [];
  /** Microseconds of the server's processor time a delivery, of each round. */
  readonly cpu: number[] = [];

  private constructor(sockets: readonly WebSocket[], pid: number, publish: (line: string) => void) {
    this.sockets = sockets;
    this.pid = pid;
    this.publish = publish;
    for (const socket of sockets) socket.on('message', (data: Buffer) => this.note(data));
  }

  static async connect(
    url: string,
    { count, pid, publish }: { count: number; pid: number; publish: (line: string) => void },
  ): Promise<Audience> {
    const sockets = Array.from({ length: count }, () => new WebSocket(url, { perMessageDeflate: false }));
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    return new Audience(sockets, pid, publish);
  }

  /** Milliseconds from the moment when a line was due to each subscriber, p99. */
  async round(): Promise<number> {
    this.took = [];
    const before = await cpuSeconds([this.pid]);
    const from = performance.now();
    for (let sent = 0; sent < linesPerRound; sent += 1) {
      const due = from + (sent * 1_000) / linesPerSecond;
      await sleep(Math.max(0, due - performance.now()));
      // When it was due, not when a late timer fired: an open loop.
      this.publish(`sent=${due.toFixed(3).padEnd(20)} ${lineOf(sent)}`);
    }
    const deliveries = this.sockets.length * linesPerRound;
    for (let wait = 0; wait < 1_000 && this.took.length < deliveries; wait += 1) await sleep(20);
    const missing = deliveries - this.took.length;
    if (missing > 0) throw new Error(`${missing} deliveries are missing`);
    // What one side left to do is not the other's burden.
    await sleep(200);
    this.cpu.push((((await cpuSeconds([this.pid])) - before) / deliveries) * 1e6);
    return percentile(
      this.took.toSorted((x, y) => x - y),
      0.99,
    );
  }

  close(): void {
    for (const socket of this.sockets) socket.terminate();
  }

  private note(data: Buffer): void {
    const now = performance.now();
    // A message carries the lines that were stored together.
    for (let at = data.indexOf('sent='); at !== -1; at = data.indexOf('sent=', at + 5))
      this.took.push(now - Number.parseFloat(data.toString('latin1', at + 5, at + 25)));
  }
}

/** Many short rounds in turn; of each the ratio of both p99. */
export async function measureLive(options: LiveOptions): Promise<Row[]> {
  const { subscribers: count, rounds } = options;
  const module = join(import.meta.dirname, 'eventlog-fan-out.ts');
  const bare = await Part.start({ module, config: { port: options.barePort } });
  const client = createIngestClient(options.ingestUrl);
  const bareUrl = `ws://127.0.0.1:${options.barePort}`;
  const publisher = new WebSocket(`${bareUrl}/publish`);
  await once(publisher, 'open');
  const grant = new GrantSigner(options.signingKey).sign({
    use: 'log-stream',
    stream,
    expiresAt: Date.now() + 600_000,
  } as never);
  let producerSeq = 0;
  const publish = (line: string): void => {
    const origin = { source: 'pod/app', level: 'info', channel: 'stdout', producer: 'p' };
    const frame = { stream, line, ...origin, producerSeq: (producerSeq += 1), timeMs: Date.now() };
    client.append([frame]).catch((error: unknown) => console.error(String(error)));
  };
  const publishBare = (line: string): void => {
    const frame = { sequence: 1, timeMs: Date.now(), line, source: 'pod/app', level: 'info' };
    publisher.send(JSON.stringify({ cursor: 1, frames: [{ ...frame, channel: 'stdout' }] }));
  };
  const url = `${options.socketUrl}/follow?cursor=-1&grant=${grant}`;
  const ours = await Audience.connect(url, { count, pid: options.pid, publish });
  const theirs = await Audience.connect(bareUrl, { count, pid: bare.pid, publish: publishBare });
  try {
    await sleep(1_000);
    const { ratio, a, b, control, isValid, interval } = await compareInPairs({
      rounds,
      a: () => ours.round(),
      b: () => theirs.round(),
    });
    const [mine, rival] = [median(ours.cpu), median(theirs.cpu)];
    const sure = `95 %: ${interval.map((one) => one.toFixed(2)).join(' to ')}; control ${control.toFixed(2)}`;
    const figures = `${a.toFixed(1)} ms to ${b.toFixed(1)}, processor ${mine.toFixed(1)} us to ${rival.toFixed(1)}`;
    const perSecond = (count * linesPerSecond).toLocaleString('en');
    const measure = `eventlog: line to subscriber p99 at ${perSecond}/s, of a bare ws fan-out`;
    return [atMost(`${measure} (${figures}; ${sure}${isValid ? '' : ', void'})`, ratio, 1.2, 'x')];
  } finally {
    ours.close();
    theirs.close();
    client.close();
    publisher.close();
    await bare.kill();
  }
}
