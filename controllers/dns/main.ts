import { parseConfig } from '@skyarc/lib/config';
import type { DnsState } from '@skyarc/lib/contracts';
import { startDnsServer } from '@skyarc/lib/dns';
import { KubeClient, loadKubeConfig } from '@skyarc/lib/kube';
import { Stack, type RunningService } from '@skyarc/lib/lifecycle';
import { createLogger, type Logger } from '@skyarc/lib/log';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import { dnsConfigSchema, type DnsConfig } from './config.ts';
import { DnsController } from './controller.ts';
import { createCounter, registerGauges } from './metrics.ts';

export { dnsConfigSchema, type DnsConfig } from './config.ts';

export interface DnsDeps {
  readonly kube?: KubeClient;
  readonly log?: Logger;
}

export interface RunningDns extends RunningService {
  readonly statusUrl: string;
}

/**
 * Names of apps for the world outside of the cluster: answers by authority for the configured zones. Stateless: any
 * number of instances run beside each other, on one address too.
 */
export async function start(input: DnsConfig, deps: DnsDeps = {}): Promise<RunningDns> {
  const config = parseConfig('dns', dnsConfigSchema, input);
  const log = deps.log ?? createLogger('dns');
  const stack = new Stack();
  let isDraining = false;
  try {
    const kube =
      deps.kube ?? stack.use(new KubeClient(await loadKubeConfig(config.kubeconfig)), (made) => made.close());
    const registry = createRegistry('dns');
    const onOutcome = createCounter(registry);
    const controller = stack.use(new DnsController(config, { kube, log, onOutcome }), (made) => made.stop());
    registerGauges(registry, controller);
    controller.start();
    const status = stack.use(
      await startStatusServer({
        host: config.statusHost,
        port: config.statusPort,
        registry,
        actions: {
          'GET /state': async (): Promise<DnsState> => ({
            address: `${config.host}:${config.port}`,
            ...controller.state,
          }),
        },
        health: () => {
          if (isDraining) return 'stopping';
          return controller.hasSynced ? undefined : 'the cluster has not answered yet';
        },
      }),
      (made) => made.stop(),
    );
    const server = stack.use(
      await startDnsServer({
        host: config.host,
        port: config.port,
        reusePort: true,
        handle: (query, client) => controller.answer(query, client),
        onError: (reason) => log.debug({ reason }, 'cannot answer'),
      }),
      (made) => made.stop(),
    );
    log.info({ url: server.url, zones: config.zones.map(({ origin }) => origin) }, 'names are served');
    return {
      url: server.url,
      statusUrl: status.url,
      stop: () => {
        isDraining = true;
        return stack.stop();
      },
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
