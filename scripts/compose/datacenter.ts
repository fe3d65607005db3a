import { start as startApi } from '@skyarc/controllers/api';
import { start as startChaos } from '@skyarc/controllers/chaos';
import { start as startDns } from '@skyarc/controllers/dns';
import { start as startEventlog } from '@skyarc/controllers/eventlog';
import { start as startGateway } from '@skyarc/controllers/gateway';
import { start as startHub } from '@skyarc/controllers/hub';
import { start as startMq } from '@skyarc/controllers/mq';
import { start as startNode } from '@skyarc/controllers/node';
import { start as startWebcli } from '@skyarc/controllers/webcli';
import { start as startWorker } from '@skyarc/controllers/worker';
import { createEventLogClient } from '@skyarc/lib/eventlog-client';
import { KubeClient, loadKubeConfig } from '@skyarc/lib/kube';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createMqClient } from '@skyarc/lib/mq-client';
import { ensureSecretBox } from '@skyarc/lib/secretbox';
import { openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import * as configs from './datacenter-configs.ts';
import { dnsConfigOf } from './dns.ts';
import type { StartedProcess } from './processes.ts';
import type { Topology } from './topology.ts';
import { webcliConfigOf } from './webcli.ts';

/** All services of this machine's data centre, in the order in which they need each other. */
export async function startDataCenter(topology: Topology): Promise<StartedProcess> {
  const stack = new Stack();
  const use = async <Service extends RunningService>(starting: Promise<Service>): Promise<Service> =>
    stack.use(await starting, (service) => service.stop());
  try {
    const db = stack.use(
      await openDataCenterDatabase({ file: topology.path('data', 'datacenter.db') }),
      (one) => one.$disconnect(),
    );
    const secretBox = await ensureSecretBox(topology.path('keys', 'datacenter.key'));
    await Promise.all([
      use(startHub(configs.hubConfigOf(topology))),
      use(startMq(configs.mqConfigOf(topology))),
      use(startEventlog(configs.eventlogConfigOf(topology))),
    ]);
    const mq = stack.use(createMqClient(configs.mqUrlOf(topology)), (client) => client.close());
    const eventlog = stack.use(createEventLogClient(configs.eventlogUrlOf(topology)), (client) =>
      client.close(),
    );
    const kube = stack.use(new KubeClient(await loadKubeConfig(topology.kubeconfig)), (client) =>
      client.close(),
    );
    const dnsConfig = dnsConfigOf(topology);
    const deps = { db, mq, eventlog, kube, secretBox };
    await Promise.all([
      use(startGateway(configs.gatewayConfigOf(topology), { kube })),
      use(startNode(configs.nodeConfigOf(topology))),
      ...(dnsConfig ? [use(startDns(dnsConfig, { kube }))] : []),
      use(startWebcli(await webcliConfigOf(topology), deps)),
      use(startWorker(configs.workerConfigOf(topology), deps)),
      use(startChaos(configs.chaosConfigOf(topology), deps)),
    ]);
    const api = await use(startApi(await configs.apiConfigOf(topology), { ...deps, eventLog: eventlog }));
    return { stop: () => stack.stop(), facts: { about: `API at ${api.url}` } };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
