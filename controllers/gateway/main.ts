import { parseConfig } from '@skyarc/lib/config';
import { messageOf } from '@skyarc/lib/errors';
import { ensureObject, KubeClient, loadKubeConfig } from '@skyarc/lib/kube';
import { Stack, type RunningService } from '@skyarc/lib/lifecycle';
import { createLogger, type Logger } from '@skyarc/lib/log';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import { Gauge } from 'prom-client';
import { gatewayConfigSchema, type GatewayConfig } from './config.ts';
import { GatewayController } from './controller.ts';
import { explainAction, type ExplainInput } from './explain.ts';
import type { Explanation } from './nginx/admin-client.ts';
import { registerNginxMetrics } from './metrics.ts';
import { NginxEngine } from './nginx/engine.ts';
import { controllerName } from './render/classes.ts';
import { RouteStats, type RouteStatsSnapshot } from './stats.ts';

export { gatewayConfigSchema, type GatewayConfig } from './config.ts';
export type { Explanation } from './nginx/admin-client.ts';
export type { ExplainInput } from './explain.ts';
export type { RouteStat, RouteStatsSnapshot } from './stats.ts';

export interface GatewayDeps {
  readonly kube?: KubeClient;
  readonly log?: Logger;
}

export interface RunningGateway extends RunningService {
  readonly statusUrl: string;
  readonly controller: GatewayController;
  /** Which rule would take a request, and why; throws INVALID on a malformed question. */
  explain(question: ExplainInput): Promise<Explanation>;
  /** Rate, errors and latency of each route over the last minute. */
  stats(): RouteStatsSnapshot;
}

/**
 * The traffic gateway: nginx, and a controller that tells it the cluster's routes.
 * `stop()` ends the controller only; nginx goes on with the last routes until `stopNginx`.
 */
export async function start(input: GatewayConfig, deps: GatewayDeps = {}): Promise<RunningGateway> {
  const config = parseConfig('gateway', gatewayConfigSchema, input);
  const log = deps.log ?? createLogger('gateway');
  const stack = new Stack();
  try {
    const engine = new NginxEngine(config);
    const { adopted, reloaded, closedTo } = await engine.ensure();
    log.info({ adopted, reloaded }, 'nginx serves');
    if (closedTo)
      log.warn(
        { folder: closedTo, user: config.user },
        "nginx's workers cannot enter a folder above theirs: buffered bodies, passwords and L4 ports will fail; allow it (chmod o+x)",
      );
    const kube =
      deps.kube ?? stack.use(new KubeClient(await loadKubeConfig(config.kubeconfig)), (made) => made.close());
    const controller = stack.use(new GatewayController(config, { kube, engine, log }), (made) => made.stop());
    controller.start();
    void ensureIngressClass(kube, config.ingressClass, log);
    const registry = createRegistry('gateway');
    registerNginxMetrics(registry, engine.admin);
    registerControllerMetrics(registry, controller);
    const stats = stack.use(new RouteStats(engine.admin), (made) => made.stop());
    stats.start();
    const explain = explainAction(engine.admin);
    const status = stack.use(
      await startStatusServer({
        host: config.statusHost,
        port: config.statusPort,
        registry,
        health: async () => {
          const { freeBytes } = await engine.admin.state();
          return freeBytes < 64 * 1024 ? 'the memory for routes is full: raise stateMemoryMb' : undefined;
        },
        actions: { 'POST /explain': explain, 'GET /routes/stats': async () => stats.snapshot() },
      }),
      (made) => made.stop(),
    );
    return {
      url: `http://${config.host}:${config.httpPort}`,
      statusUrl: status.url,
      controller,
      explain,
      stats: () => stats.snapshot(),
      stop: () => stack.stop(),
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Ends the nginx of the same configuration, also one that an earlier process started. */
export async function stopNginx(input: GatewayConfig): Promise<void> {
  await new NginxEngine(parseConfig('gateway', gatewayConfigSchema, input)).stop();
}

async function ensureIngressClass(kube: KubeClient, name: string, log: Logger): Promise<void> {
  try {
    await ensureObject(kube, 'ingressclasses', { metadata: { name }, spec: { controller: controllerName } });
  } catch (error) {
    log.warn({ reason: messageOf(error) }, `cannot ensure IngressClass "${name}"; it is served by its name`);
  }
}

function registerControllerMetrics(
  registry: ReturnType<typeof createRegistry>,
  controller: GatewayController,
): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge(
    'skyarc_gateway_routes',
    'Host and path pairs that are claimed by Ingresses of our class',
    () => controller.routeCount,
  );
  gauge('skyarc_gateway_problems', 'Parts of Ingresses that cannot be served', () => controller.problemCount);
  gauge('skyarc_gateway_writes', 'Changes written to nginx since the start', () => controller.writes);
  gauge('skyarc_gateway_cluster_silence_seconds', 'Time since the cluster last answered', () =>
    Math.min(controller.clusterSilenceSec, 1e9),
  );
}
