import { parseConfig } from '@skyarc/lib/config';
import { messageOf } from '@skyarc/lib/errors';
import { KubeClient, loadKubeConfig } from '@skyarc/lib/kube';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createLogger, type Logger } from '@skyarc/lib/log';
import type { SecretBox } from '@skyarc/lib/secretbox';
import { repeat } from '@skyarc/lib/retry';
import { createRegistry } from '@skyarc/lib/status';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import { ForgottenAlerts } from './alertmanager/forgotten.ts';
import { type MonitorConfig, type MonitorSettings, monitorConfigSchema } from './config.ts';
import { MonitorController, stopEngines as stopAll } from './controller.ts';
import { registerHealthMetrics, registerOwnMetrics } from './metrics.ts';
import { Deliverer } from './notify/deliver.ts';
import { Federation } from './query/federation.ts';
import { MonitorRepository } from './repository.ts';
import { controlRoutes, queryRoutes } from './routes.ts';
import { RawAnswer, type Route, startMonitorServer } from './server.ts';
import { Shards } from './shards.ts';
import { ClusterState } from './state/cluster-state.ts';
import { registerClusterMetrics, registerMachineMetrics } from './state/metrics.ts';
import { registerRecordMetrics } from './state/records.ts';
import { listServices } from './targets/services.ts';
import { Watchdog } from './watchdog.ts';

export { type MonitorConfig, monitorConfigSchema } from './config.ts';

export interface MonitorDeps {
  readonly db: DataCenterDatabase;
  readonly secretBox: SecretBox;
  readonly kube?: KubeClient;
  readonly log?: Logger;
}

export interface RunningMonitor extends RunningService {
  /** Weighs the shards and spreads the targets anew, now. */
  balance(): Promise<void>;
}

const tidyEveryMs = 3_600_000;
const dayMs = 86_400_000;

/**
 * Runs Prometheus and Alertmanager, or adopts those that run, and answers for them. Stopping leaves the engines
 * running, see `stopEngines`: scraping and alerts do not depend on this process.
 */
export async function start(input: MonitorConfig, deps: MonitorDeps): Promise<RunningMonitor> {
  const config = parseConfig('monitor', monitorConfigSchema, input);
  const log = deps.log ?? createLogger('monitor');
  const { db, secretBox } = deps;
  const stack = new Stack();
  try {
    const kube =
      deps.kube ?? stack.use(new KubeClient(await loadKubeConfig(config.kubeconfig)), (made) => made.close());
    const repository = new MonitorRepository(db, config.dataCenter);
    const state = stack.use(new ClusterState(kube, { log, allPods: config.findsExporterPods }), (one) =>
      one.stop(),
    );
    state.start();
    const shards = await Shards.open(config, log);
    const repeatMs = config.alertmanager.repeatIntervalSec * 1_000;
    const deliverer = new Deliverer({ repository, secretBox, log, repeatMs });
    const watchdog = new Watchdog({
      instance: config.instance,
      limitMs: config.watchdogSec * 1_000,
      repository,
      deliverer,
      log,
    });
    const ownUrl = `http://${config.host}:${config.port}`;
    const controller = new MonitorController(config, { kube, state, shards, repository, log, ownUrl });
    const federation = new Federation(() => controller.layout);
    const registry = createRegistry('monitor');
    registerClusterMetrics(registry, state);
    registerMachineMetrics(registry, state);
    registerRecordMetrics(registry, db);
    registerHealthMetrics(registry, () => listServices(config));
    registerOwnMetrics(registry, { federation, shards, watchdog });
    const server = await startMonitorServer(config, [
      ...statusRoutes(() => registry.metrics(), controller),
      ...queryRoutes({ federation }),
      ...controlRoutes({ config, controller, federation, deliverer, repository, watchdog }),
    ]);
    stack.add(() => server.stop());
    stack.add(() => controller.stop());
    await controller.start();
    watchdog.start();
    stack.add(() => watchdog.stop());
    const forgotten = new ForgottenAlerts({
      repository,
      federation,
      alertmanager: controller.alertmanager,
      log,
      // Its end may be on the way, with others of its group.
      patienceMs: (config.keepFiringSec + config.alertmanager.groupIntervalSec) * 1_000,
      groupWaitMs: config.alertmanager.groupWaitSec * 1_000,
    });
    forgotten.start();
    stack.add(() => forgotten.stop());
    stack.add(tidyRegularly(config, repository, log));
    log.info({ url: server.url, shards: shards.instances.length }, 'monitoring runs');
    return {
      url: server.url,
      stop: () => stack.stop(),
      balance: async () => {
        await shards.weigh();
        await controller.sync();
      },
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Ends Prometheus and Alertmanager themselves. */
export async function stopEngines(input: MonitorConfig): Promise<void> {
  const config = parseConfig('monitor', monitorConfigSchema, input);
  await stopAll(config, await Shards.open(config, createLogger('monitor')));
}

function statusRoutes(metrics: () => Promise<string>, controller: MonitorController): Route[] {
  const text = 'text/plain; version=0.0.4; charset=utf-8';
  return [
    {
      methods: ['GET'],
      pattern: /^\/metrics$/,
      isOpen: true,
      handle: async () => new RawAnswer(200, text, await metrics()),
    },
    {
      methods: ['GET'],
      pattern: /^\/healthz$/,
      isOpen: true,
      handle: () => {
        const { problem } = controller;
        return Promise.resolve(new RawAnswer(problem ? 503 : 200, text, `${problem ?? 'ok'}\n`));
      },
    },
  ];
}

function tidyRegularly(
  { messageDays }: MonitorSettings,
  repository: MonitorRepository,
  log: Logger,
): () => Promise<void> {
  const stopping = new AbortController();
  const running = repeat(() => repository.tidy(new Date(Date.now() - messageDays * dayMs)), {
    everyMs: tidyEveryMs,
    signal: stopping.signal,
    onError: (error) => log.warn({ reason: messageOf(error) }, 'cannot remove old messages'),
  });
  return async () => {
    stopping.abort();
    await running;
  };
}
