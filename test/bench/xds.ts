/**
 * How soon 100 clients of discovery have a changed endpoint, among 1,000 clusters: from the begin of the write at
 * the Kubernetes API to the last client's receipt. `node test/bench/xds.ts [changes]` prints a Markdown table.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from '@skyarc/controllers/node';
import { TestCluster } from '@skyarc/lib/kube/testing';
import { Stack } from '@skyarc/lib/lifecycle';
import { MeshWorld } from '../../controllers/node/fixtures/mesh.ts';
import { nodeOf, openDelta } from '../../controllers/node/fixtures/raw-client.ts';
import { atMost, percentile, printRows, type Row } from './row.ts';

const basePort = 21_890;
const services = 10;
const portsOfEach = Array.from({ length: 100 }, (_, index) => 8_000 + index);
const streamCount = 100;
const changes = Number(process.argv[2] ?? 200);
const typeUrl = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

async function measure(stack: Stack): Promise<Row[]> {
  const cluster = stack.use(await TestCluster.start({ instance: 'xdsbench', basePort, parts: 'api' }), (it) =>
    it.stop(),
  );
  const dataDir = await mkdtemp(join(tmpdir(), 'skyarc-xds-'));
  stack.add(() => rm(dataDir, { recursive: true }));
  const world = await MeshWorld.open(cluster.kube, 'bench');
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
  const node = await start({ port: 0, dataDir, kubeconfig: cluster.kubeconfig, discovery });
  stack.use(node, (it) => it.stop());

  const grant = world.grantOf('caller');
  const resourceNamesSubscribe = names.flatMap((name) => portsOfEach.map((port) => `${name}:${port}`));
  const streams = Array.from({ length: streamCount }, (_, index) => {
    const stream = openDelta(`http://127.0.0.1:${discovery.port}`);
    stream.send({ node: nodeOf(`bench/${index}`, grant), typeUrl, resourceNamesSubscribe });
    return stream;
  });
  stack.add(() => {
    for (const stream of streams) stream.close();
  });
  /** Waits for the response of that place from every stream, and answers it. */
  const round = (place: number): Promise<unknown> =>
    Promise.all(
      streams.map(async (stream) => {
        const { nonce } = await stream.next(() => true, place);
        stream.send({ typeUrl, responseNonce: nonce });
      }),
    );
  await round(0);
  const took: number[] = [];
  const writes: number[] = [];
  for (let change = 1; change <= changes; change += 1) {
    const service = names[change % services] ?? '';
    const at = performance.now();
    const write = world
      .putEndpoints(service, [{ address: `10.0.${1 + (change % 250)}.1` }], 9_000)
      .then(() => writes.push(performance.now() - at));
    await round(change);
    took.push(performance.now() - at);
    await write;
  }
  const bytes = streams[0]?.received
    .at(-1)
    ?.resources.reduce((sum, one) => sum + (one.resource?.value.length ?? 0), 0);
  return [
    atMost(`endpoint change to ${streamCount} streams, p99`, percentile(sorted(took), 0.99), 50, 'ms'),
    atMost('the same, median', percentile(sorted(took), 0.5), 50, 'ms'),
    atMost('of which the write itself, median', percentile(sorted(writes), 0.5), 50, 'ms'),
    atMost('bytes of resources for one change', bytes ?? Number.NaN, 2_048, 'bytes'),
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
