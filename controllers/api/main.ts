import { parseConfig } from '@skyarc/lib/config';
import { slugPath, uploadPath } from '@skyarc/lib/contracts';
import type { EventLogClient } from '@skyarc/lib/eventlog-client';
import type { KubeClient } from '@skyarc/lib/kube';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createLogger, type Logger } from '@skyarc/lib/log';
import type { MqClient } from '@skyarc/lib/mq-client';
import { type RegistryAccount, RegistryClient } from '@skyarc/lib/oci';
import type { SecretBox } from '@skyarc/lib/secretbox';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import { type DataCenterDatabase, EventLogSink } from '@skyarc/prisma/datacenter';
import { Histogram } from 'prom-client';
import type { Api } from './api.ts';
import { Slugs } from './builds/slugs.ts';
import { Changes } from './changes.ts';
import { ClusterReads } from './cluster-reads.ts';
import { Cluster } from './cluster.ts';
import { Nodes } from './nodes/nodes.ts';
import { type ApiConfig, apiConfigSchema } from './config.ts';
import { Gateways } from './gateways.ts';
import { Health } from './health.ts';
import { MonitorClient } from './monitoring/client.ts';
import { OutboxRelay } from './outbox-relay.ts';
import { ApiRepository } from './repository.ts';
import { RunRepository } from './run-repository.ts';
import { createSchema } from './schema.ts';
import { startApiServer } from './server.ts';
import { serveUpload } from './sources/upload-route.ts';
import { Uploads } from './sources/uploads.ts';
import { Terminals } from './terminals/terminals.ts';
import { WaitingDeliveries } from './webhooks/waiting-deliveries.ts';

export type { ApiConfig } from './config.ts';

export interface ApiDeps {
  readonly db: DataCenterDatabase;
  readonly kube: KubeClient;
  readonly mq: MqClient;
  readonly eventLog: EventLogClient;
  readonly secretBox: SecretBox;
  /** Reads images; absent at a registry that asks nobody. */
  readonly registryAccount?: RegistryAccount;
  readonly log?: Logger;
}

export interface RunningApi extends RunningService {
  readonly statusUrl: string;
}

/** Serves a data centre's API. What it is given stays open when it stops. */
export async function start(input: ApiConfig, deps: ApiDeps): Promise<RunningApi> {
  const config = parseConfig('the data-centre API', apiConfigSchema, input);
  const log = deps.log ?? createLogger('api');
  const { db, mq, eventLog, secretBox } = deps;
  const stack = new Stack();
  const registry = createRegistry('api');
  const seconds = new Histogram({
    name: 'skyarc_api_operation_seconds',
    help: 'Time of GraphQL operations; of subscriptions until they began.',
    labelNames: ['operation', 'outcome'],
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  try {
    const sink = stack.use(new EventLogSink(eventLog, 'api'), (one) => one.close());
    const cluster = stack.use(new Cluster(deps.kube, log), (one) => one.stop());
    cluster.start();
    const changes = stack.use(
      new Changes({ eventLog, sink, cluster, log, refreshEveryMs: config.refreshEveryMs }),
      (one) => one.stop(),
    );
    const relay = stack.use(new OutboxRelay({ db, mq, log, everyMs: config.relayEveryMs }), (one) =>
      one.stop(),
    );
    relay.start();
    const repository = new ApiRepository(db);
    const health = new Health(config.services);
    const terminals = new Terminals(config, { db, cluster });
    const uploads = stack.use(new Uploads(config, { db, log }), (one) => one.stop());
    uploads.start();
    const slugs = new Slugs({
      db,
      registry: registryOf(config.registryUrl, deps.registryAccount),
      grantKey: config.uploads?.grantKey,
    });
    const api: Api = {
      config,
      repository,
      runs: new RunRepository(db),
      secretBox,
      cluster,
      reads: new ClusterReads(deps.kube),
      nodes: new Nodes(deps.kube),
      gateways: new Gateways(config.gatewayUrls),
      changes,
      eventLog,
      relay,
      queue: mq.operator,
      monitor: new MonitorClient(config.monitor),
      health,
      terminals,
      uploads,
      slugs,
    };
    const waiting = stack.use(new WaitingDeliveries(api, log), (one) => one.stop());
    waiting.start();
    const schema = await createSchema(api);
    const server = await startApiServer({
      ...config,
      schema,
      log,
      routes: {
        [uploadPath]: (request, response) => serveUpload(uploads, request, response),
        [slugPath]: (request, response) => slugs.serve(request, response),
      },
      upgrades: { '/terminal': (upgrade) => terminals.pass(upgrade) },
      observe: (operation, took, isOk) =>
        seconds.observe({ operation, outcome: isOk ? 'ok' : 'error' }, took),
    });
    stack.add(() => server.stop());
    const status = await startStatusServer({
      host: config.statusHost,
      port: config.statusPort,
      registry,
      health: async () => {
        await db.setting.count();
        return relay.problem ?? cluster.problem;
      },
    });
    stack.add(() => status.stop());
    return { url: server.url, statusUrl: status.url, stop: () => stack.stop() };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Somebody waits for the answer: a registry that is away is not waited for long. */
function registryOf(url: string | undefined, account: RegistryAccount | undefined): RegistryClient | null {
  return url === undefined ? null : new RegistryClient({ url, account, patienceMs: 5_000 });
}
