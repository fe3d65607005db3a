import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfig } from '@skyarc/lib/config';
import { messageOf } from '@skyarc/lib/errors';
import type { RunningService } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import { Daemon } from '@skyarc/lib/process';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import type { z } from 'zod';
import { type HubConfig, hubConfigSchema } from './config.ts';
import { renderRegistryConfig } from './render/registry-config.ts';

export { type HubConfig, hubConfigSchema } from './config.ts';

/**
 * Runs the registry, or adopts the one that runs, and starts it again whenever it is gone; `url` is the registry's. Stopping leaves the registry
 * itself running, see `stopEngine`.
 */
export async function start(input: HubConfig): Promise<RunningService> {
  const config = parseConfig('hub', hubConfigSchema, input);
  await mkdir(join(config.dataDir, 'store'), { recursive: true, mode: 0o700 });
  await writeFile(join(config.dataDir, 'config.yml'), renderRegistryConfig(config), { mode: 0o600 });
  const log = createLogger('hub');
  const daemon = daemonOf(config);
  const { pid, adopted } = await daemon.ensure();
  log.info({ pid, adopted, url: urlOf(config) }, 'registry runs');
  const stopping = new AbortController();
  const keeping = daemon.keep(stopping.signal, (error) =>
    log.warn(
      error ? { reason: messageOf(error) } : {},
      error ? 'cannot start the registry' : 'the registry was gone and runs again',
    ),
  );
  const status = await startStatusServer({
    host: config.host,
    port: config.statusPort,
    registry: createRegistry('hub'),
    health: async () => ((await answers(config)) ? undefined : 'the registry does not answer'),
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await Promise.all([keeping, status.stop()]);
  };
  return { url: urlOf(config), stop };
}

/** Ends the registry itself. */
export async function stopEngine(input: HubConfig): Promise<void> {
  await daemonOf(parseConfig('hub', hubConfigSchema, input)).stop();
}

function daemonOf(config: z.output<typeof hubConfigSchema>): Daemon {
  return new Daemon({
    name: 'registry',
    folder: config.dataDir,
    command: config.program,
    args: ['serve', join(config.dataDir, 'config.yml')],
    ready: () => answers(config),
  });
}

function urlOf({ host, port }: z.output<typeof hubConfigSchema>): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function answers(config: z.output<typeof hubConfigSchema>): Promise<boolean> {
  const response = await fetch(`${urlOf(config)}/v2/`, { signal: AbortSignal.timeout(2_000) });
  return response.ok;
}
