/**
 * Sends log lines as fast as they are taken, in a process of its own. Started by `eventlog.ts` with JSON:
 * what to speak, where, how much; makes everything ready, says so, begins when told, answers when it is done.
 */
import net from 'node:net';
import { once } from 'node:events';
import { type Block, BlockBuilder, encodeBatch } from '@skyarc/lib/log-block';
import { appOf, lineOf, type LoadOptions } from './eventlog-lines.ts';

const linesPerBatch = 1_000;
const maxUnanswered = 8;

function* blockBatches(options: LoadOptions, connection: number): Generator<Buffer> {
  const { lines, connections, apps, run, times } = options;
  const blocks: { app: number; block: Block }[] = [];
  const mine = Math.floor(lines / connections);
  for (let done = 0; done < mine; done += linesPerBatch) {
    const app = (connection + (done / linesPerBatch) * connections) % apps;
    const origin = {
      producer: `${run}-${connection}-${app}`,
      source: 'pod/app',
      level: 'info',
      channel: 'stdout',
    };
    const builder = new BlockBuilder(linesPerBatch * 200);
    for (let n = 0; n < linesPerBatch; n += 1)
      builder.add(
        { origin, timeMs: 1_767_225_600_000 + done + n, producerSeq: done + n + 1 },
        lineOf(done + n),
      );
    blocks.push({ app, block: builder.build() });
  }
  for (let time = 0; time < (times ?? 1); time += 1)
    for (const { app, block } of blocks) {
      const stream = `app/${appOf(times ? `${run}${time}` : run, app)}`;
      yield encodeBatch([{ stream, block }]);
    }
}

function syslogBatches({ lines, connections, apps, run }: LoadOptions, connection: number): Buffer[] {
  const batches: Buffer[] = [];
  const mine = Math.floor(lines / connections);
  for (let done = 0; done < mine; done += linesPerBatch) {
    const app = (connection + (done / linesPerBatch) * connections) % apps;
    let text = '';
    for (let n = 0; n < linesPerBatch; n += 1)
      text += `<14>Jan  1 00:00:00 host ${appOf(run, app)}: ${lineOf(done + n)}\n`;
    batches.push(Buffer.from(text));
  }
  return batches;
}

async function send(options: LoadOptions, batches: Iterable<Buffer>): Promise<void> {
  const socket = net.connect(options.port, '127.0.0.1');
  await once(socket, 'connect');
  const sent = { unanswered: 0 };
  let answers = Buffer.alloc(0);
  let answered: (() => void) | undefined;
  socket.on('data', (chunk) => {
    answers = Buffer.concat([answers, chunk]);
    while (answers.length >= 4 && answers.length >= 4 + answers.readUInt32BE(0)) {
      const end = 4 + answers.readUInt32BE(0);
      const answer = answers.toString('utf8', 4, end);
      if (!answer.startsWith('{"stored":')) throw new Error(answer);
      answers = answers.subarray(end);
      sent.unanswered -= 1;
      answered?.();
    }
  });
  const isAnswering = options.protocol === 'blocks';
  for (const batch of batches) {
    if (isAnswering) {
      sent.unanswered += 1;
      while (sent.unanswered > maxUnanswered) await new Promise<void>((resolve) => (answered = resolve));
    }
    if (!socket.write(batch)) await once(socket, 'drain');
  }
  while (sent.unanswered > 0) await new Promise<void>((resolve) => (answered = resolve));
  socket.end();
}

const options = JSON.parse(process.argv[2] ?? '') as LoadOptions;
const make = options.protocol === 'blocks' ? blockBatches : syslogBatches;
const batches = Array.from({ length: options.connections }, (_, connection) => {
  const made = make(options, connection);
  // What is sent once is made before the time begins.
  return options.times ? made : [...made];
});
process.send?.('ready');
await once(process, 'message');
await Promise.all(batches.map((own) => send(options, own)));
process.send?.('done');
process.disconnect();
