/**
 * How soon 100 clients of discovery have a changed endpoint, among 1,000 clusters: from the begin of the write at
 * the Kubernetes API to the last client's receipt. The API, discovery and the clients are a process each.
 * `node test/bench/xds.ts [changes]` prints a Markdown table.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestCluster } from '@skyarc/lib/kube/testing';
import { Stack } from '@skyarc/lib/lifecycle';
import { sleep } from '@skyarc/lib/retry';
import { MeshWorld } from '../../controllers/node/fixtures/mesh.ts';
import { nodeOf } from '../../controllers/node/fixtures/raw-client.ts';
import { Part } from '../testkit/kill.ts';
import { cpuSeconds } from './rounds.ts';
import { atMost, percentile, printRows, type Row } from './row.ts';
import { XdsClient } from './xds-client.ts';

const basePort = 21_890;
const services = 10;
const portsOfEach = Array.from({ length: 100 }, (_, index) => 8_000 + index);
const streamCount = 100;
const changes = Number(process.argv[2] ?? 200);
/** Changes that are not counted: whatever runs, runs for the first time there. */
const warmUps = 20;
const typeUrl = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

/** Counts receipts: each change is one for every stream. */
class Receipts {
  private open = streamCount;
  private readonly done = Promise.withResolvers<number>();

  /** When the last of them came. */
  get all(): Promise<number> {
    return this.done.promise;
  }

  add(): void {
    this.open -= 1;
    if (this.open === 0) this.done.resolve(performance.now());
  }
}

async function measure(stack: Stack): Promise<Row[]> {
  const cluster = stack.use(await TestCluster.start({ instance: 'xdsbench', basePort, parts: 'api' }), (it) =>
    it.stop(),
  );
  const { kube, kubeconfig } = cluster;
  const dataDir = await mkdtemp(join(tmpdir(), 'skyarc-xds-'));
  stack.add(() => rm(dataDir, { recursive: true }));
  const world = await MeshWorld.open(kube, 'bench');
  const names = Array.from({ length: services }, (_, index) => `s${'abcdefghij'[index]}`);
  for (const name of names) {
    await world.putService(name, portsOfEach);
    await world.putEndpoints(name, [{ address: '10.0.0.1' }], 9_000);
  }
  await world.putRules(
    'caller',
    names.map((service) => ({ service })),
  );
  const discovery = { port: basePort + 5, grantKey: world.keys.publicKey };
  const node = await Part.start({
    module: fileURLToPath(import.meta.resolve('@skyarc/controllers/node')),
    config: { port: 0, dataDir, kubeconfig, discovery },
  });
  stack.use(node, (it) => it.stop());

  const grant = world.grantOf('caller');
  const resourceNamesSubscribe = names.flatMap((name) => portsOfEach.map((port) => `${name}:${port}`));
  let receipts = new Receipts();
  let bytes = 0;
  const streams = Array.from({ length: streamCount }, (_, index) => {
    const first = { node: nodeOf(`bench/${index}`, grant), typeUrl, resourceNamesSubscribe };
    return new XdsClient(`127.0.0.1:${discovery.port}`, first, ({ resources }) => {
      bytes = resources.reduce((sum, one) => sum + (one.resource?.value.length ?? 0), 0);
      receipts.add();
    });
  });
  stack.add(() => {
    for (const stream of streams) stream.close();
  });
  await receipts.all;
  const took: number[] = [];
  const writes: number[] = [];
  let cpuBefore = 0;
  for (let change = 1 - warmUps; change <= changes; change += 1) {
    // As changes come: after the one before was acknowledged.
    await sleep(20);
    if (change === 1) cpuBefore = await cpuSeconds([node.pid]);
    const name = names[(change + warmUps) % services] ?? '';
    const address = `10.0.${1 + ((change + warmUps) % 250)}.1`;
    receipts = new Receipts();
    const at = performance.now();
    const write = kube
      .patch(
        'endpointslices',
        { name, namespace: world.namespace },
        { endpoints: [{ addresses: [address] }] },
      )
      .then(() => performance.now() - at);
    const receivedAt = await receipts.all;
    const written = await write;
    if (change < 1) continue;
    took.push(receivedAt - at);
    writes.push(written);
  }
  const cpuMs = ((await cpuSeconds([node.pid])) - cpuBefore) * 1_000;
  return [
    atMost(
      `endpoint change to ${streamCount} acknowledged streams, p99`,
      percentile(sorted(took), 0.99),
      50,
      'ms',
    ),
    atMost('the same, median', percentile(sorted(took), 0.5), 50, 'ms'),
    atMost('of which the write itself, median', percentile(sorted(writes), 0.5), 50, 'ms'),
    atMost("discovery's processor time for a change", cpuMs / changes, 50, 'ms'),
    atMost('bytes of resources for one change', bytes, 2_048, 'bytes'),
  ];
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((left, right) => left - right);
}

const stack = new Stack();
try {
  printRows(await measure(stack));
} finally {
  await stack.stop();
}
