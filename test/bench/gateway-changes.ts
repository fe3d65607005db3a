import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { start } from '@skyarc/controllers/gateway';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { ensureObject } from '@skyarc/lib/kube';
import { sleep } from '@skyarc/lib/retry';
import { addressOf, gatewayPort, gatewayTlsPort, type GatewayBench } from './gateway-world.ts';
import { atMost, percentile, type Row } from './row.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 4 });

export function askGateway(host: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: gatewayPort, headers: { host }, agent }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

/** How long a change took until an answer showed it, in milliseconds, from sending it and from its acceptance. */
async function until(change: () => Promise<unknown>, isThere: () => Promise<boolean>): Promise<Delay> {
  const sentAt = performance.now();
  let acceptedAt = Infinity;
  const changed = change().then(() => (acceptedAt = performance.now()));
  while (!(await isThere())) {
    if (performance.now() - sentAt > 10_000) throw new Error('a change was never served');
    await sleep(1);
  }
  const servedAt = performance.now();
  await changed;
  return { fromSending: servedAt - sentAt, fromAcceptance: Math.max(0, servedAt - acceptedAt) };
}

/** A certificate for a name, as a Secret of the cluster, and an Ingress that uses it. */
export class Certificates {
  private readonly folder: string;

  constructor(bench: GatewayBench) {
    this.folder = join(bench.folder, 'certificates');
  }

  async make(host: string, serial: string): Promise<{ 'tls.crt': string; 'tls.key': string }> {
    const { mkdir, readFile } = await import('node:fs/promises');
    await mkdir(this.folder, { recursive: true });
    const authority = await CertificateAuthority.ensure(this.folder, 'bench');
    await authority.ensureLeaf(this.folder, serial, { commonName: serial, names: [host], usage: 'server' });
    const read = async (end: string) =>
      Buffer.from(await readFile(join(this.folder, `${serial}.${end}`))).toString('base64');
    return { 'tls.crt': await read('crt'), 'tls.key': await read('key') };
  }
}

/** Common name of the certificate that the gateway shows for a host; empty when the handshake fails. */
export function shownName(host: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(
      { host: '127.0.0.1', port: gatewayTlsPort, servername: host, rejectUnauthorized: false },
      () => {
        resolve([socket.getPeerCertificate().subject?.CN ?? ''].flat()[0] ?? '');
        socket.destroy();
      },
    );
    socket.on('error', () => resolve(''));
  });
}

/** How soon changes reach traffic, beside a thousand routes. */
export async function measureChanges(bench: GatewayBench, routes: number): Promise<Row[]> {
  const endpoint: Delay[] = [];
  for (let round = 0; round < 200; round++) {
    const index = round % 20;
    const wanted = addressOf(10_000 + round);
    endpoint.push(
      await until(
        () => bench.endpoints(index, [wanted]),
        async () => (await askGateway(`h${index}.bench.test`)).body === wanted,
      ),
    );
  }
  const host: Delay[] = [];
  for (let round = 0; round < 50; round++) {
    const index = routes + round;
    host.push(
      await until(
        () => bench.route(index),
        async () => (await askGateway(`h${index}.bench.test`)).status === 200,
      ),
    );
  }
  const certificates = new Certificates(bench);
  await useTls(bench, 1);
  const certificate: Delay[] = [];
  for (let round = 0; round < 50; round++) {
    const name = `c${round}`;
    const data = await certificates.make('h1.bench.test', name);
    certificate.push(
      await until(
        () => putCertificate(bench, 1, data),
        async () => (await shownName('h1.bench.test')) === name,
      ),
    );
  }
  return [
    atMost(
      `endpoint change to traffic at ${routes} routes, p99 of 200 (${figures(endpoint)})`,
      p99(endpoint),
      30,
      'ms',
    ),
    atMost(
      `new host to traffic, with its Service and slice, p99 of 50 (${figures(host)})`,
      p99(host),
      100,
      'ms',
    ),
    atMost(`new certificate to handshake, p99 of 50 (${figures(certificate)})`, p99(certificate), 100, 'ms'),
  ];
}

interface Delay {
  readonly fromSending: number;
  readonly fromAcceptance: number;
}

function at(share: number, delays: readonly Delay[], from: keyof Delay): number {
  const sorted = delays.map((delay) => delay[from]).toSorted((left, right) => left - right);
  return percentile(sorted, share);
}

const p99 = (delays: readonly Delay[]) => at(0.99, delays, 'fromAcceptance');
const figures = (delays: readonly Delay[]) =>
  `p50 ${at(0.5, delays, 'fromAcceptance').toFixed(1)} ms; from sending p50 ${at(0.5, delays, 'fromSending').toFixed(1)}, p99 ${at(0.99, delays, 'fromSending').toFixed(1)} ms`;

export function putCertificate(
  bench: GatewayBench,
  index: number,
  data: Record<string, string>,
): Promise<unknown> {
  return ensureObject(bench.kube, 'secrets', {
    metadata: { name: `tls${index}`, namespace: 'default' },
    type: 'kubernetes.io/tls',
    data,
  });
}

export function useTls(bench: GatewayBench, index: number): Promise<unknown> {
  return bench.kube.patch(
    'ingresses',
    { name: `h${index}`, namespace: 'default' },
    { spec: { tls: [{ hosts: [`h${index}.bench.test`], secretName: `tls${index}` }] } },
  );
}

/** kill -9 of the controller: what was served meanwhile, and how soon the next one has caught up. */
export async function measureKill(bench: GatewayBench): Promise<Row[]> {
  await bench.gateway.stop();
  const child = () =>
    fork(join(import.meta.dirname, 'gateway-child.ts'), [JSON.stringify(bench.config)], { stdio: 'inherit' });
  const first = child();
  await once(first, 'message');
  const over = new AbortController();
  let [total, failed] = [0, 0];
  const load = (async () => {
    for (; !over.signal.aborted; total++) {
      const { status } = await askGateway('h3.bench.test').catch(() => ({ status: 0 }));
      if (status !== 200) failed += 1;
    }
  })();
  await sleep(500);
  first.kill('SIGKILL');
  await once(first, 'exit');
  const wanted = addressOf(20_001);
  await bench.endpoints(2, [wanted]);
  await sleep(500);
  const second = child();
  await once(second, 'message');
  const startedAt = performance.now();
  while ((await askGateway('h2.bench.test')).body !== wanted) await sleep(2);
  const took = performance.now() - startedAt;
  over.abort();
  await load;
  second.kill('SIGKILL');
  await once(second, 'exit');
  bench.gateway = await start(bench.config);
  return [
    atMost(`requests failed of ${total} during and after kill -9 of the controller`, failed, 0, ''),
    atMost('from the start of the next controller until its state is served', took, 1_000, 'ms'),
  ];
}
