import { parseConfig } from '@skyarc/lib/config';
import type { KubeClient } from '@skyarc/lib/kube';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createLogger, type Logger } from '@skyarc/lib/log';
import { GrantVerifier } from '@skyarc/lib/signed-grant';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import { Audit } from './audit.ts';
import { type WebcliConfig, webcliConfigSchema } from './config.ts';
import { createMetrics, watchSessions } from './metrics.ts';
import { RecordingStore } from './recording/store.ts';
import { startServer } from './server.ts';
import { Sessions } from './sessions.ts';

export type { WebcliConfig } from './config.ts';

export interface WebcliDeps {
  readonly db: DataCenterDatabase;
  readonly kube: KubeClient;
  readonly log?: Logger;
}

export interface RunningWebcli extends RunningService {
  readonly statusUrl: string;
}

const tidyEveryMs = 3_600_000;

/** Serves terminals of the cluster's containers to those whom the data centre's API has given a grant. */
export async function start(input: WebcliConfig, deps: WebcliDeps): Promise<RunningWebcli> {
  const config = parseConfig('webcli', webcliConfigSchema, input);
  const log = deps.log ?? createLogger('webcli');
  const { db, kube } = deps;
  const stack = new Stack();
  try {
    const registry = createRegistry('webcli');
    const metrics = createMetrics(registry);
    const audit = new Audit({ db, instance: config.instance, log });
    await audit.closeOrphans();
    const recordings = await RecordingStore.open(config.dataDir);
    const sessions = new Sessions({ config, kube, audit, recordings, metrics, log });
    watchSessions(registry, sessions);
    const verifier = new GrantVerifier(config.grantKey);
    const status = await startStatusServer({
      host: config.statusHost,
      port: config.statusPort,
      registry,
      health: async () => {
        await kube.version();
        return sessions.isDraining ? 'stopping: sessions are asked to go elsewhere' : undefined;
      },
    });
    stack.add(() => status.stop());
    const server = await startServer({ config, verifier, sessions, recordings, audit, metrics, log });
    stack.add(() => server.stop());
    const tidy = setInterval(() => {
      recordings
        .removeOld(config.recordingDays)
        .then((removed) => audit.forgetRecordings(removed))
        .catch((error: unknown) => log.warn({ err: error }, 'cannot remove old recordings'));
    }, tidyEveryMs);
    stack.add(() => clearInterval(tidy));
    stack.add(() => sessions.drain());
    return { url: server.url, statusUrl: status.url, stop: () => stack.stop() };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
