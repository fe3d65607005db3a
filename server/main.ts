import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfig } from '@skyarc/lib/config';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createLogger, type Logger } from '@skyarc/lib/log';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import { openConsoleDatabase } from '@skyarc/prisma/console';
import { createAccounts } from '@skyarc/server/accounts';
import { createApps, WebhookRoute } from '@skyarc/server/apps';
import { createDataCenters } from '@skyarc/server/datacenters';
import { createGroups } from '@skyarc/server/groups';
import { buildSubgraph, DataCenterRegistry, type Directory, startHttpServer } from '@skyarc/server/host';
import { createLogs, LogDownloads } from '@skyarc/server/logs';
import { createMarket } from '@skyarc/server/market';
import { createMonitor } from '@skyarc/server/monitor';
import { createRouter } from '@skyarc/server/router';
import packageJson from './package.json' with { type: 'json' };
import { type ServerConfig, serverConfigSchema } from './config.ts';

export type { ServerConfig } from './config.ts';

export interface RunningServer extends RunningService {
  /** One-time token of an installation that nobody has claimed yet; ends with the next start. */
  readonly claimToken: string | undefined;
  readonly statusUrl: string;
}

/** Serves the console layer: GraphQL over all subgraphs, log downloads and the console's pages. */
export async function start(
  input: ServerConfig,
  deps: { readonly log?: Logger } = {},
): Promise<RunningServer> {
  const config = parseConfig('the console', serverConfigSchema, input);
  const log = deps.log ?? createLogger('server');
  const stack = new Stack();
  try {
    const db = await openConsoleDatabase({ file: config.databaseFile });
    stack.add(() => db.$disconnect());
    const accounts = createAccounts(db, {
      version: packageJson.version,
      attemptsPerMinute: config.attemptsPerMinute,
    });
    const groups = createGroups(db);
    const dataCenters = createDataCenters(db);
    for (const entry of config.dataCenters) await dataCenters.repository.ensure(entry);
    const registry = stack.use(
      new DataCenterRegistry(() => dataCenters.repository.list(), config.tls),
      (one) => one.close(),
    );
    const downloads = new LogDownloads(registry);
    const webhooks = new WebhookRoute(registry);
    const market = createMarket({ samplesFolder: config.samplesFolder });
    const rooms = [
      accounts,
      groups,
      dataCenters,
      market,
      createApps(),
      createLogs(downloads),
      createMonitor(),
    ];
    const router = await createRouter(
      await readFile(join(import.meta.dirname, '../schema/supergraph.graphql'), 'utf8'),
      await Promise.all(rooms.map(buildSubgraph)),
    );
    const directory: Directory = {
      findTeam: (id) => accounts.repository.findTeam({ id }),
      findTeamByName: (name) => accounts.repository.findTeam({ name }),
      findGroup: (id) => groups.repository.find(id),
    };
    const server = await startHttpServer({
      ...config,
      webRoot: config.webRoot,
      log,
      schema: router.schema,
      execute: (operation, context) => router.execute(operation, context),
      authenticator: accounts.authenticator,
      directory,
      dataCenters: registry,
      routes: {
        [LogDownloads.path]: (request, response) => downloads.serve(request, response),
        [WebhookRoute.path]: (request, response) => webhooks.serve(request, response),
      },
    });
    stack.add(() => server.stop());
    const status = await startStatusServer({
      host: config.statusHost,
      port: config.statusPort,
      registry: createRegistry('server'),
      health: async () => void (await accounts.repository.isClaimed()),
    });
    stack.add(() => status.stop());
    const claimToken = await accounts.renewClaimToken();
    return { url: server.url, statusUrl: status.url, claimToken, stop: () => stack.stop() };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
