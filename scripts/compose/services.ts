import { start as startApi } from '@skyarc/controllers/api';
import { start as startChaos } from '@skyarc/controllers/chaos';
import { start as startDns } from '@skyarc/controllers/dns';
import { start as startEventlog } from '@skyarc/controllers/eventlog';
import { start as startGateway } from '@skyarc/controllers/gateway';
import { start as startHub } from '@skyarc/controllers/hub';
import { start as startMonitor } from '@skyarc/controllers/monitor';
import { start as startMq } from '@skyarc/controllers/mq';
import { start as startNode } from '@skyarc/controllers/node';
import { start as startRepo } from '@skyarc/controllers/repo';
import { start as startWebcli } from '@skyarc/controllers/webcli';
import { start as startWorker } from '@skyarc/controllers/worker';
import { AppError } from '@skyarc/lib/errors';
import { createEventLogClient } from '@skyarc/lib/eventlog-client';
import { KubeClient, loadKubeConfig } from '@skyarc/lib/kube';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { DerivedAccounts, ensureImageKeys } from '@skyarc/lib/oci';
import { ensureSecretBox } from '@skyarc/lib/secretbox';
import { openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import * as configs from './datacenter-configs.ts';
import { dnsConfigOf } from './dns.ts';
import { monitorConfigOf } from './monitor.ts';
import { nodeConfigOf } from './node.ts';
import type { ServiceName, StartedProcess } from './processes.ts';
import { mqConfigOf, queuesOf } from './queue.ts';
import { buildRepoOf, repoConfigOf } from './repo.ts';
import { announceService } from './status.ts';
import type { Topology } from './topology.ts';
import { webcliConfigOf } from './webcli.ts';

/** What a data centre's services share in one process; connections are made at their first use. */
export type Shared = Awaited<ReturnType<typeof openShared>>;

export async function openShared(topology: Topology, stack: Stack) {
  const db = stack.use(
    await openDataCenterDatabase({ file: topology.path('data', 'datacenter.db') }),
    (one) => one.$disconnect(),
  );
  const secretBox = await ensureSecretBox(topology.path('keys', 'datacenter.key'));
  const accounts = await DerivedAccounts.ensure(topology.path('keys', 'registry.key'));
  const imageKeys = await ensureImageKeys(topology.path('keys', 'image-signing.key'));
  const queueFor = await queuesOf(topology, stack);
  const eventlog = stack.use(createEventLogClient(topology.eventlogUrls.join()), (client) => client.close());
  const kube = stack.use(new KubeClient(await loadKubeConfig(topology.kubeconfig)), (client) =>
    client.close(),
  );
  return { db, secretBox, accounts, imageKeys, queueFor, eventlog, kube };
}

type Starter = (topology: Topology, shared: Shared) => Promise<RunningService>;

const starters: Readonly<Record<ServiceName, Starter>> = {
  hub: (topology, shared) => startHub(configs.hubConfigOf(topology), shared),
  repo: async (topology) => startRepo(await repoConfigOf(topology)),
  mq: async (topology) => startMq(await mqConfigOf(topology)),
  eventlog: (topology, shared) => startEventlog(configs.eventlogConfigOf(topology), shared),
  gateway: (topology, { kube }) => startGateway(configs.gatewayConfigOf(topology), { kube }),
  node: async (topology) => startNode(await nodeConfigOf(topology)),
  dns: async (topology, { kube }) => {
    const config = dnsConfigOf(topology);
    if (config) return startDns(config, { kube });
    throw new AppError('INVALID', 'Cannot start dns: set SKYARC_DNS_LISTEN to the address to answer on');
  },
  webcli: async (topology, shared) => startWebcli(await webcliConfigOf(topology), shared),
  monitor: async (topology, shared) => startMonitor(await monitorConfigOf(topology), shared),
  worker: async (topology, shared) =>
    startWorker(await configs.workerConfigOf(topology), {
      ...shared,
      mq: shared.queueFor('worker'),
      registryAccount: configs.registryAccountOf(topology, shared.accounts, 'worker'),
      imageKey: shared.imageKeys.publicKey,
    }),
  chaos: async (topology, shared) =>
    startChaos(
      { ...configs.chaosConfigOf(topology), repo: await buildRepoOf(topology) },
      {
        ...shared,
        mq: shared.queueFor('chaos'),
        registryAccount: configs.registryAccountOf(topology, shared.accounts, 'chaos'),
      },
    ),
  api: async (topology, shared) =>
    startApi(await configs.apiConfigOf(topology), {
      ...shared,
      mq: shared.queueFor('api'),
      eventLog: shared.eventlog,
      registryAccount: configs.registryAccountOf(topology, shared.accounts, 'worker'),
    }),
};

/**
 * A service of a data centre, as `skyarc run <service>` starts one and the data centre's process all. The machine is told
 * that it is here, until it is stopped.
 */
export async function startAnnounced(
  name: ServiceName,
  topology: Topology,
  shared: Shared,
): Promise<RunningService> {
  const stack = new Stack();
  const { url } = stack.use(await starters[name](topology, shared), (service) => service.stop());
  stack.add(await announceService(topology, name));
  return { url, stop: () => stack.stop() };
}

/** One service in a process of its own, beside or instead of the data centre's. */
export async function startService(name: ServiceName, topology: Topology): Promise<StartedProcess> {
  const stack = new Stack();
  try {
    const shared = await openShared(topology, stack);
    const { url } = stack.use(await startAnnounced(name, topology, shared), (service) => service.stop());
    return { stop: () => stack.stop(), facts: { about: `${name} at ${url}` } };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
