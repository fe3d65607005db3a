import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfig } from '@skyarc/lib/config';
import { messageOf } from '@skyarc/lib/errors';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import { type DerivedAccounts, type ImageKeys, RegistryClient } from '@skyarc/lib/oci';
import { Daemon } from '@skyarc/lib/process';
import { startStatusServer } from '@skyarc/lib/status';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import { type HubConfig, type HubSettings, hubConfigSchema, registryUrlOf } from './config.ts';
import { type Cleaned, Janitor } from './janitor.ts';
import { hubMetrics } from './metrics.ts';
import { renderRegistryConfig } from './render/registry-config.ts';
import { signEarlierVersions } from './sign-earlier.ts';
import { RegistryStore } from './storage/store.ts';
import { teamBytes } from './storage/usage.ts';
import { TokenIssuer } from './tokens/issuer.ts';
import { People } from './tokens/people.ts';
import { startTokenServer } from './tokens/server.ts';

export { type HubConfig, hubConfigSchema } from './config.ts';

export interface HubDeps {
  readonly db: DataCenterDatabase;
  /** Passwords of the accounts `chaos`, `worker` and `team.<team>`. */
  readonly accounts: DerivedAccounts;
  /** With which images from before there were signatures are signed, once. */
  readonly imageKeys: ImageKeys;
}

export interface RunningHub extends RunningService {
  /** One pass of retention and garbage collection, now. */
  clean(): Promise<Cleaned>;
}

/**
 * Runs the registry, or adopts the one that runs, and starts it again whenever it is gone; gives tokens for it and
 * keeps its disk clean. `url` is the registry's. Stopping leaves the registry itself running, see `stopEngine`.
 */
export async function start(input: HubConfig, deps: HubDeps): Promise<RunningHub> {
  const config = parseConfig('hub', hubConfigSchema, input);
  const { dataDir } = config;
  const log = createLogger('hub');
  const stack = new Stack();
  try {
    await mkdir(join(dataDir, 'store'), { recursive: true, mode: 0o700 });
    const store = new RegistryStore(join(dataDir, 'store'));
    const issuer = await TokenIssuer.ensure(join(dataDir, 'token'));
    const people = config.consoleUrl ? new People(config.consoleUrl) : null;
    const { host, tokenPort } = config;
    const quotaReached = (team: string) => quotaSentence(config, store, team);
    const tokens = await startTokenServer({
      ...deps,
      host,
      port: tokenPort,
      issuer,
      people,
      quotaReached,
      log,
    });
    stack.use(tokens, (server) => server.stop());
    const httpSecret = deps.accounts.passwordOf('uploads of the registry');
    await runRegistry(
      config,
      renderRegistryConfig(config, { certFile: issuer.certFile, httpSecret }),
      stack,
      log,
    );
    const account = {
      username: 'hub',
      password: deps.accounts.passwordOf('hub'),
      tokenUrl: `${tokens.url}/auth/token`,
    };
    const registry = new RegistryClient({ url: registryUrlOf(config), account, patienceMs: 30_000 });
    const janitor = stack.use(new Janitor(config, { db: deps.db, store, registry, log }), (one) =>
      one.stop(),
    );
    const signed = await signEarlierVersions(deps.db, registry, {
      keys: deps.imageKeys,
      doneFile: join(dataDir, 'earlier-versions-signed'),
    });
    if (signed > 0) log.info({ signed }, 'signed images of earlier versions');
    stack.use(
      await startStatusServer({
        host,
        port: config.statusPort,
        registry: hubMetrics(store, janitor),
        health: async () => ((await answers(config)) ? undefined : 'the registry does not answer'),
        actions: { 'POST /clean': () => janitor.clean() },
      }),
      (server) => server.stop(),
    );
    janitor.start();
    return { url: registryUrlOf(config), stop: () => stack.stop(), clean: () => janitor.clean() };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Ends the registry itself. */
export async function stopEngine(input: HubConfig): Promise<void> {
  await daemonOf(parseConfig('hub', hubConfigSchema, input)).stop();
}

/** With the configuration of now: one that runs with another is started again, which clients wait for. */
async function runRegistry(
  config: HubSettings,
  wanted: string,
  stack: Stack,
  log: ReturnType<typeof createLogger>,
): Promise<void> {
  const file = join(config.dataDir, 'config.yml');
  const daemon = daemonOf(config);
  if ((await readFile(file, 'utf8').catch(() => null)) !== wanted) {
    await daemon.stop();
    await writeFile(file, wanted, { mode: 0o600 });
  }
  const { pid, adopted } = await daemon.ensure();
  log.info({ pid, adopted, url: registryUrlOf(config) }, 'registry runs');
  const stopping = new AbortController();
  const keeping = daemon.keep(stopping.signal, (error) =>
    log.warn(
      error ? { reason: messageOf(error) } : {},
      error ? 'cannot start the registry' : 'the registry was gone and runs again',
    ),
  );
  stack.add(async () => {
    stopping.abort();
    await keeping;
  });
}

async function quotaSentence(
  config: HubSettings,
  store: RegistryStore,
  team: string,
): Promise<string | null> {
  const { teamQuotaMb } = config;
  if (teamQuotaMb === null) return null;
  const usedMb = Math.ceil((await teamBytes(store, team)) / (1 << 20));
  if (usedMb < teamQuotaMb) return null;
  return `Cannot store another image: those of team "${team}" take ${usedMb} MiB of ${teamQuotaMb} MiB; delete apps, or ask an administrator for more`;
}

function daemonOf(config: HubSettings): Daemon {
  return new Daemon({
    name: 'registry',
    folder: config.dataDir,
    command: config.program,
    args: ['serve', join(config.dataDir, 'config.yml')],
    ready: () => answers(config),
  });
}

/** It answers strangers, too: that they are to log in. */
async function answers(config: HubSettings): Promise<boolean> {
  const response = await fetch(`${registryUrlOf(config)}/v2/`, { signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
  return response.ok || response.status === 401;
}
