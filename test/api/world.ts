import { mkdtempSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiConfig, type RunningApi, start as startApi } from '@skyarc/controllers/api';
import { start as startEventLog } from '@skyarc/controllers/eventlog';
import { start as startMq } from '@skyarc/controllers/mq';
import { CertificateAuthority, type KeyPair } from '@skyarc/lib/certificates';
import { startEtcd } from '@skyarc/lib/etcd';
import { createEventLogClient, type EventLogClient } from '@skyarc/lib/eventlog-client';
import { KubeClient, loadKubeConfig } from '@skyarc/lib/kube';
import { Stack } from '@skyarc/lib/lifecycle';
import { createMqClient, type MqClient } from '@skyarc/lib/mq-client';
import { SecretBox } from '@skyarc/lib/secretbox';
import { makeGrantKeys } from '@skyarc/lib/signed-grant';
import { type DataCenterDatabase, openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import { startApiServer } from '../../embedded/apiserver/index.ts';

/** A data centre without anything that builds or runs: API, queue, event log, Kubernetes API, database. */
export interface DataCenterWorld {
  readonly folder: string;
  readonly authority: CertificateAuthority;
  /** The console's certificate. */
  readonly console: KeyPair;
  readonly db: DataCenterDatabase;
  readonly kube: KubeClient;
  /** Path of its kubeconfig. */
  readonly kubeconfig: string;
  readonly mq: MqClient;
  readonly eventLog: EventLogClient;
  readonly secretBox: SecretBox;
  readonly api: RunningApi;
  /** Ends the API and starts it again, on the same port. */
  restartApi(change?: Partial<ApiConfig>): Promise<void>;
  stopApi(): Promise<void>;
  stop(): Promise<void>;
}

/** Where the API keeps uploads, with small limits. */
export function uploadsOf(): Pick<ApiConfig, 'uploads'> {
  const folder = mkdtempSync(join(tmpdir(), 'skyarc-uploads-'));
  const { privateKey: grantKey } = makeGrantKeys();
  return { uploads: { folder, grantKey, maxBytes: 1 << 20, teamBytes: 2 << 20 } };
}

/** Starts it on loopback; `ports` are etcd's client and peer, and the API's. */
export async function startDataCenter(
  ports: { readonly etcd: number; readonly etcdPeer: number; readonly api: number },
  config: Partial<ApiConfig> = {},
): Promise<DataCenterWorld> {
  const stack = new Stack();
  try {
    const folder = await mkdtemp(join(tmpdir(), 'skyarc-api-'));
    stack.add(() => rm(folder, { recursive: true, force: true }));
    const { uploads } = config;
    if (uploads) stack.add(() => rm(uploads.folder, { recursive: true, force: true }));
    const etcd = stack.use(
      await startEtcd({
        name: 'api-test',
        dataDir: join(folder, 'etcd'),
        runDir: folder,
        clientPort: ports.etcd,
        peerPort: ports.etcdPeer,
      }),
      (one) => one.stop(),
    );
    const [cluster, queue, events, db, authority] = await Promise.all([
      startApiServer({ port: 0, etcdUrl: etcd.url, pkiDir: join(folder, 'pki') }),
      startMq({ port: 0, statusPort: 0, etcdUrl: etcd.url }),
      startEventLog({ port: 0, ingestPort: 0, statusPort: 0, dataDir: join(folder, 'eventlog') }),
      openDataCenterDatabase({ file: join(folder, 'datacenter.db') }),
      CertificateAuthority.ensure(join(folder, 'ca'), 'skyarc test'),
    ]);
    stack.add(() => cluster.stop());
    stack.add(() => queue.stop());
    stack.add(() => events.stop());
    stack.add(() => db.$disconnect());
    const kube = stack.use(new KubeClient(await loadKubeConfig(cluster.kubeconfig)), (one) => one.close());
    const mq = stack.use(createMqClient(queue.url), (one) => one.close());
    const eventLog = stack.use(createEventLogClient(events.url), (one) => one.close());
    const secretBox = new SecretBox(Buffer.alloc(32, 7));
    const server = await authority.issue({
      commonName: 'api',
      usage: 'server',
      names: ['127.0.0.1', 'localhost'],
    });
    const start = (change: Partial<ApiConfig> = {}) =>
      startApi(
        {
          port: ports.api,
          statusPort: 0,
          tls: { ca: authority.cert, ...server },
          refreshEveryMs: 2_000,
          ...config,
          ...change,
        },
        { db, kube, mq, eventLog, secretBox },
      );
    let api = await start();
    stack.add(() => api.stop());
    return {
      folder,
      authority,
      console: await authority.issue({ commonName: 'console', usage: 'client' }),
      db,
      kube,
      kubeconfig: cluster.kubeconfig,
      mq,
      eventLog,
      secretBox,
      get api() {
        return api;
      },
      restartApi: async (change) => {
        await api.stop();
        api = await start(change);
      },
      stopApi: () => api.stop(),
      stop: () => stack.stop(),
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
