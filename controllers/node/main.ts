import { parseConfig } from '@skyarc/lib/config';
import { messageOf } from '@skyarc/lib/errors';
import { KubeClient, loadKubeConfig } from '@skyarc/lib/kube';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import { NodeAgent } from './agent/agent.ts';
import { exporterDaemonOf } from './agent/exporter.ts';
import { type RunningCollector, startCollector } from './collect.ts';
import { type NodeConfig, nodeConfigSchema } from './config.ts';
import { type RunningDiscovery, startDiscovery } from './discovery/discovery.ts';
import { masterOf } from './master/master.ts';

export { type NodeConfig, nodeConfigSchema } from './config.ts';

/** What a machine does for the platform: lines of its containers, its health, discovery for its apps. */
export async function start(input: NodeConfig): Promise<RunningService> {
  const config = parseConfig('node', nodeConfigSchema, input);
  const { host, port, dataDir, ingestUrl, logs } = config;
  const log = createLogger('node');
  const stack = new Stack();
  const registry = createRegistry('node');
  let collector: RunningCollector | undefined;
  let discovery: RunningDiscovery | undefined;
  let agent: NodeAgent | undefined;
  try {
    const kube = stack.use(new KubeClient(await loadKubeConfig(config.kubeconfig)), (client) =>
      client.close(),
    );
    const health = (): string | undefined => collector?.problem ?? discovery?.problem ?? agent?.problem;
    const status = stack.use(
      await startStatusServer({
        host,
        port,
        registry,
        health,
        actions: { 'GET /discovery': async () => discovery?.describe() ?? null },
      }),
      (server) => server.stop(),
    );
    if (logs && ingestUrl) {
      collector = await startCollector({ dataDir, ingestUrl, logs }, { kube, log, registry });
      stack.use(collector, (running) => running.stop());
    }
    if (config.discovery) {
      discovery = await startDiscovery(config.discovery, { kube, log, registry });
      stack.use(discovery, (running) => running.stop());
    }
    if (config.agent) {
      const options = { config: config.agent, dataDir, url: status.url, kube, log };
      agent = await NodeAgent.create(options);
      const stopping = new AbortController();
      const running = agent.run(stopping.signal).catch((error: unknown) => {
        log.error({ reason: messageOf(error) }, 'the agent ended');
      });
      const master = masterOf(options);
      master.start();
      stack.add(async () => {
        stopping.abort();
        await Promise.all([running, master.stop()]);
      });
    }
    return { url: status.url, stop: () => stack.stop() };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Ends node-exporter itself, which outlives the agent. */
export async function stopExporter(input: NodeConfig): Promise<void> {
  const { agent, dataDir } = parseConfig('node', nodeConfigSchema, input);
  if (agent?.exporter) await exporterDaemonOf(agent.exporter, { dataDir }).stop();
}
