/**
 * The cluster's name server as a process of its own: `bin.ts <folder> <host> <port> <identity> <metricsPort>`. It knows what lies in
 * the folder's state file and follows its changes; nothing of the cluster needs to run for it to answer.
 */
import { watch } from 'node:fs';
import { basename } from 'node:path';
import { messageOf } from '@skyarc/lib/errors';
import { codes, startDnsServer, type DnsReply } from '@skyarc/lib/dns';
import { startMetrics } from './metrics.ts';
import { Resolver } from './resolver.ts';
import { readState } from './state.ts';

/** Changes of a moment are one reading. */
const settleMs = 5;
/** Should a change ever be missed. */
const rereadMs = 10_000;
const logEveryMs = 1_000;

const [folder = '', host = '', port = '', identity = '', metricsPort = ''] = process.argv.slice(2);

let loggedAt = 0;
/** One line a second at most: whoever asks nonsense must not fill the disk. */
function say(text: string): void {
  if (Date.now() - loggedAt < logEveryMs) return;
  loggedAt = Date.now();
  process.stdout.write(`${new Date().toISOString()} ${text}\n`);
}

const resolver = new Resolver(await readState(folder));

async function reread(): Promise<void> {
  try {
    resolver.configure(await readState(folder));
  } catch (error) {
    say(`cannot read the state, going on with the last one: ${messageOf(error)}`);
  }
}

/** Who answers here (RFC 4892). */
function identify(name: string): DnsReply {
  if (name !== 'id.server') return { code: codes.refused };
  return { code: codes.ok, answers: [{ name, type: 'TXT', ttl: 0, data: identity }] };
}

const server = await startDnsServer({
  host,
  port: Number(port),
  reusePort: true,
  handle: (query, client) => (query.class === 'CH' ? identify(query.key) : resolver.answer(query, client)),
  onError: say,
}).catch((error: unknown) => {
  // The end of the log is what people are shown.
  process.stdout.write(`${messageOf(error)}\n`);
  process.exit(1);
});

const metrics = startMetrics(resolver, { host, port: Number(metricsPort) }, say);

let timer: NodeJS.Timeout | undefined;
const watcher = watch(folder, (_, file) => {
  if (file && !basename(file).startsWith('state.json')) return;
  clearTimeout(timer);
  timer = setTimeout(() => void reread(), settleMs);
});
watcher.on('error', (error) => say(`cannot watch ${folder}: ${error.message}`));
const rereading = setInterval(() => void reread(), rereadMs);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    watcher.close();
    clearTimeout(timer);
    clearInterval(rereading);
    metrics.close();
    metrics.closeAllConnections();
    void server.stop();
  });
}
