/**
 * What the embedded cluster's network costs: one change of network policies, a new name, questions about names.
 * `node test/bench/network.ts`, as root, prints a Markdown table; it makes one nftables table and removes it.
 */
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import { NamesServer, stopNamesServers } from '../../embedded/network/dns/names.ts';
import { renderZones } from '../../embedded/network/dns/render.ts';
import { PolicyEnforcer } from '../../embedded/network/policy/enforcer.ts';
import { atLeast, atMost, percentile, printRows, type Row } from './row.ts';

const instance = 'skyarcbench';
const podCidr = '10.75.64.0/18';
const log = createLogger('bench');
const count = { namespaces: 20, pods: 500, policies: 200, services: 500, changes: 40, questions: 40_000 };

const namespaceOf = (i: number) => `ns${i % count.namespaces}`;
const addressOf = (i: number) => `10.75.${64 + (i >> 8)}.${i & 255}`;
const podOf = (i: number) => ({
  metadata: {
    uid: `${i}`,
    namespace: namespaceOf(i),
    labels: { app: `a${Math.floor(i / count.namespaces) % 10}` },
  },
  spec: { containers: [{ name: 'main', ports: [{ name: 'http', containerPort: 8080 }] }] },
  status: { phase: 'Running', podIP: addressOf(i + 2) },
});
const policyOf = (i: number) => {
  const app = { matchLabels: { app: `a${Math.floor(i / count.namespaces)}` } };
  const team = { matchLabels: { team: `t${(i + 1) % count.namespaces}` } };
  const ingress: object[] = [
    { from: [{ podSelector: {} }, { namespaceSelector: team, podSelector: app }], ports: [{ port: 'http' }] },
  ];
  const egress = [
    { to: [{ namespaceSelector: {} }, { ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }] },
  ];
  return {
    metadata: { namespace: namespaceOf(i), name: `p${i}` },
    spec: { podSelector: app, policyTypes: ['Ingress', 'Egress'], ingress, egress },
  };
};

/** Milliseconds of each change, sorted. */
async function timed(times: number, change: (i: number) => Promise<void>): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const began = performance.now();
    await change(i);
    took.push(performance.now() - began);
  }
  return took.toSorted((left, right) => left - right);
}

const list = <T>(length: number, make: (i: number) => T) => Array.from({ length }, (_, i) => make(i));

async function measurePolicies(): Promise<Row[]> {
  let [pods, policies] = [list(count.pods, podOf), list(count.policies, policyOf)];
  const namespaces = new Map(list(count.namespaces, (i) => [namespaceOf(i), { team: `t${i}` }] as const));
  const enforcer = new PolicyEnforcer(
    { instance, podCidr, names: { address: '10.75.64.1', port: 53 } },
    { policies: () => policies, pods: () => pods, namespaces: () => namespaces },
    log,
  );
  const [all = 0] = await timed(1, () => enforcer.updated());
  const byPod = await timed(count.changes, (i) => {
    pods = list(count.pods + (i % 2), podOf);
    return enforcer.updated();
  });
  const byPolicy = await timed(count.changes, (i) => {
    policies = list(count.policies - (i % 2), policyOf);
    return enforcer.updated();
  });
  await enforcer.stop();
  await run('nft', ['delete', 'table', 'ip', `${instance}-policy`]);
  const scale = `${count.policies} policies, ${count.pods} pods`;
  return [
    atMost(`network policies: all loaded (${scale})`, all, 2_000, 'ms'),
    atMost(`a pod comes or goes, p50 (${scale})`, percentile(byPod, 0.5), 100, 'ms'),
    atMost(`a pod comes or goes, p99 (${scale})`, percentile(byPod, 0.99), 250, 'ms'),
    atMost(`a policy comes or goes, p50 (${scale})`, percentile(byPolicy, 0.5), 100, 'ms'),
  ];
}

/** A question for an address, its id first. */
function questionOf(id: number, name: string): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  const header = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

/** Questions per second with so many open at a time. */
async function questionsPerSecond(port: number, open: number): Promise<number> {
  const socket = createSocket('udp4');
  let [sent, answered] = [0, 0];
  const began = performance.now();
  await new Promise<void>((done) => {
    const send = () => {
      if (sent >= count.questions) return;
      sent += 1;
      socket.send(
        questionOf(sent & 0xffff, `s${sent % count.services}.ns1.svc.cluster.local`),
        port,
        '127.0.0.1',
      );
    };
    socket.on('message', () => {
      answered += 1;
      if (answered >= count.questions) done();
      else send();
    });
    for (let i = 0; i < open; i += 1) send();
  });
  socket.close();
  return (count.questions / (performance.now() - began)) * 1_000;
}

async function waitForAnswer(port: number, name: string): Promise<void> {
  const socket = createSocket('udp4');
  for (let exists = false; !exists;) {
    const reply = await new Promise<Buffer>((resolve) => {
      socket.once('message', resolve).send(questionOf(1, name), port, '127.0.0.1');
    });
    exists = (reply.readUInt8(3) & 15) === 0;
  }
  socket.close();
}

async function measureNames(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), `${instance}-`));
  const port = 20_290;
  let services = Array.from({ length: count.services }, (_, i) => ({
    metadata: { name: `s${i}`, namespace: 'ns1' },
    spec: { clusterIP: `10.76.${i >> 8}.${i & 255}`, ports: [{ name: 'http', port: 80 }] },
  }));
  const names = new NamesServer(
    { folder, host: '127.0.0.1', port, metricsPort: 20_291 },
    () => ({
      zones: renderZones(
        {
          services,
          slices: [],
          pods: Array.from({ length: count.pods }, (_, i) => podOf(i)),
          namespaces: ['ns1'],
        },
        { domain: 'cluster.local', networks: [podCidr, '10.76.0.0/16'], dnsAddress: '10.76.0.10' },
      ),
      aliases: [],
      forward: { resolvConf: '/dev/null', ownAddress: '127.0.0.1', stubs: [] },
    }),
    log,
  );
  try {
    const [start = 0] = await timed(1, async () => void (await names.start()));
    const change = await timed(count.changes, async (i) => {
      services = [
        ...services,
        { metadata: { name: `new${i}`, namespace: 'ns1' }, spec: { clusterIP: '10.76.9.9', ports: [] } },
      ];
      names.update();
      await waitForAnswer(port, `new${i}.ns1.svc.cluster.local`);
    });
    await questionsPerSecond(port, 64);
    const rate = await questionsPerSecond(port, 64);
    const scale = `${count.services} services, ${count.pods} pods`;
    return [
      atMost('name server: start to first answer', start, 2_000, 'ms'),
      atMost(`a new service has its name, p50 (${scale})`, percentile(change, 0.5), 100, 'ms'),
      atMost(`a new service has its name, p99 (${scale})`, percentile(change, 0.99), 250, 'ms'),
      atLeast('questions answered by the cluster DNS, 64 open', rate, 5_000, '/s'),
    ];
  } finally {
    await names.stop();
    await stopNamesServers(folder);
    await rm(folder, { recursive: true });
  }
}

printRows([...(await measurePolicies()), ...(await measureNames())]);
