import { parseConfig } from '@skyarc/lib/config';
import { topics } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import type { EventLogClient } from '@skyarc/lib/eventlog-client';
import type { KubeClient, LeaderElection } from '@skyarc/lib/kube';
import { Stack, type RunningService } from '@skyarc/lib/lifecycle';
import { createLogger, type Logger } from '@skyarc/lib/log';
import type { MqClient } from '@skyarc/lib/mq-client';
import { retry } from '@skyarc/lib/retry';
import { type DerivedAccounts, type RegistryAccount, RegistryClient } from '@skyarc/lib/oci';
import type { SecretBox } from '@skyarc/lib/secretbox';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import { type DataCenterDatabase, EventLogSink } from '@skyarc/prisma/datacenter';
import { Counter, Gauge } from 'prom-client';
import { AcmeKeeper } from './acme/acme-keeper.ts';
import { AppLocks } from './app-locks.ts';
import { AppWatch } from './app-watch.ts';
import { workerConfigSchema, type WorkerConfig, type WorkerSettings } from './config.ts';
import type { WorkerContext } from './context.ts';
import { WorkerController } from './controller.ts';
import { DriftRepair } from './drift.ts';
import { ImageGuard } from './images/guard.ts';
import { PullSecrets, pullSecretName } from './images/pull-secret.ts';
import { JobRecorder } from './jobs/recorder.ts';
import { leaderOf } from './leader/leader.ts';
import { tellChanges } from './notices.ts';
import { Sweeper } from './sweeper.ts';
import { TlsKeeper } from './tls/tls-keeper.ts';

export { workerConfigSchema, type WorkerConfig } from './config.ts';

export interface WorkerDeps {
  readonly db: DataCenterDatabase;
  readonly mq: Pick<MqClient, 'consume'>;
  readonly eventlog: Pick<EventLogClient, 'append' | 'remove'>;
  readonly kube: KubeClient;
  /** Opens the environment of apps. */
  readonly secretBox: SecretBox;
  /** How the worker logs in at the registry; absent where it asks nobody. */
  readonly registryAccount?: RegistryAccount;
  /** Accounts of teams' nodes at the registry, for the pull Secrets; absent where it asks nobody. */
  readonly accounts?: DerivedAccounts;
  /** PEM of the public key that images are signed with; absent: they are not checked. */
  readonly imageKey?: string;
  readonly log?: Logger;
}

const group = 'worker';
/** A task of a worker that died comes to another after so long; a living one keeps moving it. */
const ackDeadlineMs = 10_000;
/** The operation's own deadline ends its task long before. */
const maxAttempts = 1_000;
const clusterSilentMs = 120_000;

/** Brings apps to what operations ask for and keeps them there; waits for a cluster that is away. */
export async function start(input: WorkerConfig, deps: WorkerDeps): Promise<RunningService> {
  const config = parseConfig('worker', workerConfigSchema, input);
  const log = deps.log ?? createLogger('worker');
  const stack = new Stack();
  try {
    const { db, kube, secretBox, mq, eventlog } = deps;
    const sink = stack.use(new EventLogSink(eventlog, 'worker'), (made) => made.close());
    const watch = stack.use(new AppWatch(kube, log), (made) => made.stop());
    const stopping = new AbortController();
    const minor = await minorVersion(kube, log);
    const { domain, pullRegistry, ingressClass } = config;
    const pullSecrets =
      deps.accounts && !config.imagePullSecret
        ? new PullSecrets(kube, pullRegistry, deps.accounts)
        : undefined;
    const imagePullSecret = pullSecrets ? pullSecretName : config.imagePullSecret;
    const storage = { shared: config.storage.sharedClass, local: config.storage.localClass };
    const podCidrs = config.podCidrs ?? (await podNetworks(kube));
    const renderOptions = {
      domain,
      pullRegistry,
      imagePullSecret,
      ingressClass,
      hasSleepAction: minor >= 30,
      hasSidecars: minor >= 29,
      storage,
      podCidrs,
      mesh: config.mesh,
    };
    const images = imagesOf(config, deps);
    const base = { config, db, kube, secretBox, sink, watch, renderOptions, log, ...images, pullSecrets };
    const tls = stack.use(new TlsKeeper(base), (made) => made.stop());
    const context: WorkerContext = { ...base, tls };
    const locks = new AppLocks();
    const controller = new WorkerController(context, eventlog, locks);
    const drift = stack.use(new DriftRepair(context, locks), (made) => made.stop());
    const recorder = stack.use(new JobRecorder(context), (made) => made.stop());
    const acme = stack.use(new AcmeKeeper(context), (made) => made.stop());
    const sweeper = stack.use(new Sweeper(context), (made) => made.stop());
    const leader = stack.use(leaderOf(context), (made) => made.stop());
    const registry = createRegistry('worker');
    const handled = measure(registry, { watch, drift, leader });
    const status = stack.use(
      await startStatusServer({
        host: config.statusHost,
        port: config.statusPort,
        registry,
        health: () => (watch.silenceMs > clusterSilentMs ? 'the cluster does not answer' : undefined),
      }),
      (made) => made.stop(),
    );
    stack.add(tellChanges(watch, sink));
    watch.start();
    void pullSecrets?.provideForEarlierApps(context).catch((error: unknown) => {
      log.warn({ reason: messageOf(error) }, 'cannot provide pull secrets now');
    });
    tls.start();
    acme.start();
    drift.start();
    recorder.start();
    leader.start();
    sweeper.start();
    const { signal } = stopping;
    const consuming = Promise.all([
      mq.consume(
        { topic: topics.runtime, group, concurrency: config.concurrency, ackDeadlineMs, maxAttempts, signal },
        async (delivery) => {
          const end = handled();
          await controller.handle(delivery, signal).then(end.ok, end.failed);
        },
      ),
      mq.consume({ topic: `${topics.runtime}.dead`, group, signal }, (delivery) =>
        sweeper.bury(delivery.body),
      ),
    ]);
    // It ends only by our own signal, or because the queue refuses the subscription itself.
    const refused = consuming.then(() => undefined, messageOf);
    void refused.then((reason) => reason && log.error({ reason }, 'cannot take tasks'));
    stack.add(async () => {
      stopping.abort();
      await refused;
    });
    return { url: status.url, stop: () => stack.stop() };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** The registry as the worker reaches it, and the check of what comes from there. */
function imagesOf(
  { registryUrl }: WorkerSettings,
  { registryAccount, imageKey }: WorkerDeps,
): Pick<WorkerContext, 'registry' | 'images'> {
  if (!registryUrl) return {};
  const registry = new RegistryClient({ url: registryUrl, account: registryAccount, patienceMs: 15_000 });
  return { registry, images: imageKey ? new ImageGuard(registry, imageKey) : undefined };
}

/** Networks that the nodes give to pods; none where nodes do not tell, or we may not ask. */
async function podNetworks(kube: KubeClient): Promise<string[]> {
  const { items } = await kube.list('nodes').catch(() => ({ items: [] }));
  const all = items.flatMap(({ spec }) => spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []));
  return [...new Set(all)].toSorted();
}

/** n of Kubernetes 1.n; asks again while the cluster does not answer. */
async function minorVersion(kube: KubeClient, log: Logger): Promise<number> {
  const version = await retry(() => kube.version(), {
    maxMs: 3_000,
    onRetry: (error, attempt) => {
      if (attempt === 1) log.warn({ reason: messageOf(error) }, 'waiting for the cluster');
    },
  });
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 1 ? Infinity : Number(minor);
}

function measure(
  registry: ReturnType<typeof createRegistry>,
  { watch, drift, leader }: { watch: AppWatch; drift: DriftRepair; leader: LeaderElection },
) {
  const tasks = new Counter({
    name: 'skyarc_worker_tasks_total',
    help: 'Tasks handled, by what became of them',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const running = new Gauge({
    name: 'skyarc_worker_tasks_running',
    help: 'Tasks being worked on',
    registers: [registry],
  });
  const silence = new Gauge({
    name: 'skyarc_worker_cluster_silence_seconds',
    help: 'Time since the cluster last answered',
    registers: [],
    collect() {
      this.set(Math.min(watch.silenceMs / 1_000, 1e9));
    },
  });
  const repaired = new Gauge({
    name: 'skyarc_worker_repaired_objects',
    help: 'Objects that differed from what was deployed and were written again',
    registers: [],
    collect() {
      this.set(drift.repaired);
    },
  });
  const leads = new Gauge({
    name: 'skyarc_worker_leader',
    help: '1 while this worker leads',
    registers: [],
    collect() {
      this.set(Number(leader.isLeading));
    },
  });
  registry.registerMetric(leads);
  registry.registerMetric(silence);
  registry.registerMetric(repaired);
  return () => {
    running.inc();
    const end = (outcome: string) => {
      running.dec();
      tasks.inc({ outcome });
    };
    return {
      ok: () => end('done'),
      failed: (error: unknown) => {
        end('again');
        throw error;
      },
    };
  };
}
