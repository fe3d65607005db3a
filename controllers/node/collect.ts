import { join } from 'node:path';
import { messageOf, toAppError } from '@skyarc/lib/errors';
import { createIngestClient, type IngestClient, type NewFrame } from '@skyarc/lib/eventlog-client';
import type { KubeClient } from '@skyarc/lib/kube';
import { Stack } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import { retry } from '@skyarc/lib/retry';
import { Counter, type Registry } from 'prom-client';
import { ApiCollector } from './api/collector.ts';
import type { CollectConfig } from './config.ts';
import { FileCollector } from './files/collector.ts';
import { ClusterPods } from './pods.ts';
import { Positions } from './positions.ts';

export interface RunningCollector {
  /** What is wrong; undefined when all is well. */
  readonly problem: string | undefined;
  stop(): Promise<void>;
}

/** Collects the lines that our pods' containers write, until it is stopped. */
export async function startCollector(
  config: CollectConfig & { readonly dataDir: string },
  { kube, log, registry }: { kube: KubeClient; log: Logger; registry: Registry },
): Promise<RunningCollector> {
  const stack = new Stack();
  const stopping = new AbortController();
  const registers = [registry];
  const linesTotal = new Counter({
    name: 'skyarc_node_lines_total',
    help: 'Lines collected and stored.',
    registers,
  });
  const refusedTotal = new Counter({
    name: 'skyarc_node_refused_lines_total',
    help: 'Lines refused.',
    registers,
  });
  let problem: string | undefined;

  async function ship(client: IngestClient, frames: readonly NewFrame[]): Promise<void> {
    try {
      await retry(() => client.append(frames), {
        signal: stopping.signal,
        maxMs: 1_000,
        retryable: (error) => toAppError(error).code !== 'INVALID',
        onRetry: (error) => {
          problem = `cannot store lines: ${messageOf(error)}`;
        },
      });
      problem = undefined;
      linesTotal.inc(frames.length);
    } catch (error) {
      if (toAppError(error).code !== 'INVALID') throw error;
      // Sending them again would hold back everything behind them for ever.
      log.error({ source: frames[0]?.source, reason: messageOf(error) }, 'the event log refused lines');
      refusedTotal.inc(frames.length);
    }
  }

  const pods = stack.use(new ClusterPods(kube), (running) => running.stop());
  const client = stack.use(createIngestClient(config.ingestUrl), (open) => open.close());
  const positions = await Positions.open(join(config.dataDir, 'positions.json'));
  const shared = { pods, positions, ship: (frames: readonly NewFrame[]) => ship(client, frames) };
  const collector =
    config.logs.from === 'files'
      ? new FileCollector({ ...config.logs, ...shared })
      : new ApiCollector({ kube, ...shared });
  const starting = pods.start().then(() => collector.run(stopping.signal));
  const running = Promise.all([starting, positions.keep(stopping.signal)]).catch((error: unknown) => {
    problem = `collecting ended: ${messageOf(error)}`;
    log.error({ reason: messageOf(error) }, 'collecting ended');
  });
  stack.add(async () => {
    stopping.abort();
    await pods.stop();
    await running;
    await positions.save();
  });
  return {
    get problem() {
      return problem ?? (pods.silenceMs > 180_000 ? 'the Kubernetes API is silent' : undefined);
    },
    stop: () => stack.stop(),
  };
}
