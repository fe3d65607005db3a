import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@skyarc/lib/log';
import { pollUntil } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureLink, gatewayAddress, removeLink } from '../link.ts';
import { NetworkPod } from '../testing/pods.ts';
import { NamesServer, stopNamesServers } from './names.ts';
import { renderZones } from './render.ts';
import type { NamesState } from './state.ts';

const instance = 'hecdns';
const podCidr = '10.75.1.0/24';
const networks = [podCidr, '10.76.1.0/24'];
const port = 20_261;
const metricsPort = 9_153;
const host = gatewayAddress(podCidr);
const log = createLogger('test');
let folder: string;
let pod: NetworkPod;
let addresses: Record<string, string> = {};
let server: NamesServer | undefined;

const stateOf = (services: Record<string, string>): NamesState => ({
  zones: renderZones(
    {
      services: Object.entries(services).map(([name, clusterIP]) => ({
        metadata: { name, namespace: 'shop' },
        spec: { clusterIP },
      })),
      slices: [],
      pods: [],
      namespaces: ['shop'],
    },
    { domain: 'cluster.local', networks, dnsAddress: '10.76.1.10' },
  ),
  aliases: [],
  forward: { resolvConf: '/dev/null', ownAddress: host, stubs: [] },
});
const newServer = () =>
  new NamesServer({ folder: join(folder, 'dns'), host, port, metricsPort }, () => stateOf(addresses), log);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hecdns-'));
  await ensureLink({ instance, podCidr, serviceCidr: '10.76.1.0/24' }, log);
  pod = await NetworkPod.create(`${instance}-pod`, { instance, podCidr, stateFolder: join(folder, 'cni') });
});

afterAll(async () => {
  await server?.stop();
  await stopNamesServers(join(folder, 'dns'));
  await pod.remove();
  await removeLink(instance, podCidr);
  await rm(folder, { recursive: true });
});

/** What `dig` in the pod prints. */
async function dig(...args: string[]): Promise<string> {
  return (await pod.exec('dig', `@${host}`, '-p', String(port), '+tries=1', '+time=1', ...args)).trim();
}

async function pidOf(): Promise<number> {
  const [file = ''] = (await readdir(join(folder, 'dns'))).filter((name) => name.endsWith('.pid'));
  return Number((await readFile(join(folder, 'dns', file), 'utf8')).split(' ')[0]);
}

test('a pod asks by dig: answers, "no" with its reason, TCP, EDNS, and changes at once', async () => {
  addresses = { web: '10.76.1.20' };
  server = newServer();
  expect(await server.start()).toEqual({ adopted: false });
  expect(await dig('+short', 'web.shop.svc.cluster.local')).toBe('10.76.1.20');
  expect(await dig('+tcp', '+short', 'web.shop.svc.cluster.local')).toBe('10.76.1.20');
  expect(await dig('+short', '-x', '10.76.1.20')).toBe('web.shop.svc.cluster.local.');
  expect(await dig('gone.shop.svc.cluster.local')).toMatch(/status: NXDOMAIN[\s\S]*SOA/);
  expect(await dig('web.shop.svc.cluster.local', 'AAAA')).toMatch(
    /status: NOERROR[\s\S]*ANSWER: 0[\s\S]*SOA/,
  );
  expect(await dig('cluster.local', 'AXFR')).toContain('Transfer failed');
  const metrics = await fetch(`http://${host}:${metricsPort}/metrics`);
  expect(await metrics.text()).toMatch(/^coredns_dns_requests_total [1-9]/m);
  expect(await dig('+edns=1', '+noednsneg', 'web.shop.svc.cluster.local')).toContain('BADVERS');
  expect(await dig('+noedns', 'web.shop.svc.cluster.local')).not.toContain('OPT PSEUDOSECTION');
  addresses = { ...addresses, api: '10.76.1.21' };
  const began = Date.now();
  server.update();
  await pollUntil(async () => (await dig('+short', 'api.shop.svc.cluster.local')) || undefined, {
    timeoutMs: 1_000,
    everyMs: 5,
    onTimeout: () => new Error('the new name is not there'),
  });
  expect(Date.now() - began).toBeLessThan(500);
});

test('names go on with the last state while everything else is killed, and the next start adopts', async () => {
  await server?.stop();
  const script = new URL('../testing/feed-names.ts', import.meta.url).pathname;
  const child = fork(script, [join(folder, 'dns'), host, String(port)]);
  child.send(stateOf({ late: '10.76.1.30' }));
  expect(await once(child, 'message')).toEqual([{ adopted: true }, undefined]);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await dig('+short', 'late.shop.svc.cluster.local')).toBe('10.76.1.30');
  const pid = await pidOf();
  server = newServer();
  expect(await server.start()).toEqual({ adopted: true });
  expect(await pidOf()).toBe(pid);
  await pollUntil(async () => (await dig('+short', 'api.shop.svc.cluster.local')) || undefined, {
    timeoutMs: 2_000,
    everyMs: 5,
    onTimeout: () => new Error('the adopted server is not fed'),
  });
});

test('a server that is killed comes back with what it knew', async () => {
  const pid = await pidOf();
  process.kill(pid, 'SIGKILL');
  await pollUntil(
    async () => ((await dig('+short', 'api.shop.svc.cluster.local')) === '10.76.1.21' ? true : undefined),
    {
      timeoutMs: 8_000,
      onTimeout: () => new Error('no names after the kill'),
    },
  );
  expect(await pidOf()).not.toBe(pid);
});

test('it is small', async () => {
  for (let i = 0; i < 20; i += 1) {
    const all = Array.from({ length: 100 }, (_, each) => `n${each}.shop.svc.cluster.local`);
    await dig('+short', ...all);
  }
  const status = await readFile(`/proc/${await pidOf()}/status`, 'utf8');
  const ownKb = Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]);
  log.info({ ownKb, all: /VmRSS:\s+(\d+)/.exec(status)?.[1] }, 'memory of the name server');
  expect(ownKb).toBeLessThan(48 * 1_024);
});
