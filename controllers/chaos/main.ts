import { setTimeout as delay } from 'node:timers/promises';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfig } from '@skyarc/lib/config';
import { type Cleaned, topics } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import type { EventLogClient } from '@skyarc/lib/eventlog-client';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import type { MqClient } from '@skyarc/lib/mq-client';
import { useSpawner } from '@skyarc/lib/process';
import { repeat, retry } from '@skyarc/lib/retry';
import type { SecretBox } from '@skyarc/lib/secretbox';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import { type DataCenterDatabase, EventLogSink, writeBaseImage } from '@skyarc/prisma/datacenter';
import { ensureBaseLayer, renewBase } from './base/base.ts';
import { nodejs } from './base/runtimes/nodejs.ts';
import { LayerStore } from './base/store.ts';
import { BuildClaim } from './claim.ts';
import { type ChaosConfig, chaosConfigSchema, ownerPrefixOf, type ResolvedChaosConfig } from './config.ts';
import { Controller } from './controller.ts';
import { Examiner } from './examine/examiner.ts';
import { BuildMetrics } from './metrics.ts';
import { keptDisksAt, layersFolderOf, placeOf, prepare, type RegistryAccess } from './prepare.ts';
import { halveDisks, removeDisksOfGone } from './sandbox/disk.ts';
import type { KeptDisks } from './sandbox/kept-disks.ts';
import { sweep, sweepStore } from './sandbox/sweep.ts';
import type { Shared } from './shared.ts';

export { baseImageName } from './base/base.ts';
export { buildpackNames } from './buildpacks/registry.ts';
export { type ChaosConfig, chaosConfigSchema } from './config.ts';
export { clientEnvironmentOf } from './upstreams.ts';

export interface ChaosDeps extends RegistryAccess {
  readonly db: DataCenterDatabase;
  readonly mq: Pick<MqClient, 'consume' | 'publish'>;
  readonly eventlog: Pick<EventLogClient, 'writer' | 'append'>;
  /** Opens SSH keys and credentials of sources. */
  readonly secretBox: SecretBox;
}

const log = createLogger('chaos');
const group = 'chaos';
/** A build's own limits end its task long before. */
const maxAttempts = 1_000;
/** Checks of sources before apps are made; they wait for no build. */
const examinationsAtOnce = 2;
/** How long a task of a builder that died waits for another one; extended while a build goes on. */
const ackDeadlineMs = 10_000;

/**
 * Makes the base image from Debian packages when it is not there yet (half a minute); for set-up, which
 * shows its progress. The service does the same at its start. Throws UNAVAILABLE with what apt said.
 */
export async function ensureBase(input: ChaosConfig, onLine?: (line: string) => void): Promise<void> {
  const config = parseConfig('chaos', chaosConfigSchema, input);
  const folder = layersFolderOf(config);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await ensureBaseLayer(new LayerStore(folder), { onLine });
}

/** Ends builds of this builder and removes all that they made on the host; safe to repeat. */
export async function purge(input: ChaosConfig): Promise<void> {
  const config = parseConfig('chaos', chaosConfigSchema, input);
  await sweep(placeOf(config));
  await sweepStore(layersFolderOf(config));
}

/** Takes build tasks and turns sources into images; `url` is its status server's. */
export async function start(input: ChaosConfig, deps: ChaosDeps): Promise<RunningService> {
  const config = parseConfig('chaos', chaosConfigSchema, input);
  const stack = new Stack();
  const stopping = new AbortController();
  // Git and buildah run as others than we; and no image differs by the shell that we were started from.
  process.umask(0o022);
  // A build starts many programs, and others in this process wait meanwhile.
  stack.use(useSpawner(), (one) => one.stop());
  try {
    await purge(input);
    await BuildClaim.forget(deps.db, ownerPrefixOf(config));
    const place = placeOf(config);
    await mkdir(place.stateDir, { recursive: true, mode: 0o711 });
    await mkdir(layersFolderOf(config), { recursive: true, mode: 0o700 });
    const registry = createRegistry('chaos');
    let problem: string | undefined = 'the base image is not ready yet';
    const disks = keptDisksAt(place);
    const status = await startStatusServer({
      host: config.host,
      port: config.statusPort,
      registry,
      health: () => problem,
      actions: { 'POST /clean': () => giveBack(config, disks) },
    });
    stack.use(status, (service) => service.stop());
    const sink = stack.use(new EventLogSink(deps.eventlog, 'chaos'), (made) => made.close());
    const { signal } = stopping;
    const access = { ...deps, disks };
    const preparing = retry(() => prepare(config, deps.secretBox, signal, access), {
      signal,
      baseMs: 2_000,
      maxMs: 60_000,
      onRetry: (error) => {
        problem = messageOf(error);
        log.error({ reason: problem }, 'cannot prepare for builds');
      },
    });
    const metrics = new BuildMetrics(registry);
    const consuming = preparing.then(async (shared) => {
      problem = undefined;
      log.info({ registry: config.registryUrl, slots: config.slots }, 'ready for builds');
      // Most first apps are Node.js ones: its runtime is made before somebody waits for it.
      nodejs(shared.runtimes, process.versions.node.split('.')[0] as string).catch((error: unknown) => {
        log.warn({ reason: messageOf(error) }, 'the Node.js runtime is made at the first build');
      });
      const controller = new Controller(shared, { ...deps, sink, metrics }, signal);
      const options = {
        topic: topics.build,
        group,
        concurrency: config.slots,
        ackDeadlineMs,
        maxAttempts,
        signal,
      };
      await writeBaseImage(deps.db, shared.base.layer.digest);
      const examiner = new Examiner(shared, deps.db, signal);
      await examiner.sweep();
      await Promise.all([
        keepBaseFresh(config, { shared, signal }, async () => {
          const renewed = await prepare(config, deps.secretBox, signal, access);
          controller.renew(renewed);
          await writeBaseImage(deps.db, renewed.base.layer.digest);
          return renewed;
        }),
        forgetGoneApps(shared, deps.db, signal),
        deps.mq.consume(options, (delivery) => controller.handle(delivery)),
        deps.mq.consume(
          { ...options, topic: topics.examine, concurrency: examinationsAtOnce, maxAttempts: 3 },
          (delivery) => examiner.handle(delivery),
        ),
      ]);
    });
    consuming.catch((error: unknown) => {
      problem ??= messageOf(error);
      if (!signal.aborted) log.error({ err: error }, 'takes no more tasks');
    });
    stack.add(async () => {
      stopping.abort();
      await Promise.race([consuming.catch(() => undefined), delay(10_000, undefined, { ref: false })]);
      await access.disks.stop();
      await sweep(place);
    });
    return { url: status.url, stop: () => stack.stop() };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** For a machine whose disk is full: caches of apps that were not built for the longest time. */
async function giveBack({ dataDir }: ResolvedChaosConfig, disks: KeptDisks): Promise<Cleaned> {
  const freedBytes = await halveDisks(join(dataDir, 'disks'));
  // What is removed is free once nobody has it mounted any more.
  await disks.dropGone();
  return { freedBytes };
}

const lookForGoneAppsEveryMs = 600_000;

/** Nobody tells a builder that an app of its was deleted, least of all one that was away then. */
async function forgetGoneApps(
  { config: { dataDir }, disks }: Shared,
  db: DataCenterDatabase,
  signal: AbortSignal,
): Promise<void> {
  const present = async (ids: readonly string[]): Promise<Set<string>> => {
    const apps = await db.app.findMany({
      where: { id: { in: [...ids] }, deletedAt: null },
      select: { id: true },
    });
    return new Set(apps.map(({ id }) => id));
  };
  const look = async (): Promise<void> => {
    await removeDisksOfGone(join(dataDir, 'disks'), present);
    await disks.dropGone();
  };
  await repeat(look, {
    everyMs: lookForGoneAppsEveryMs,
    signal,
    onError: (error) => log.warn({ reason: messageOf(error) }, 'cannot clear away old caches'),
  });
}

const lookAtBaseEveryMs = 3_600_000;

/**
 * Makes a new base when the one there has become old, or takes the one that a builder beside this one made; a failure
 * is tried again an hour later.
 */
async function keepBaseFresh(
  config: ResolvedChaosConfig,
  { shared, signal }: { readonly shared: Shared; readonly signal: AbortSignal },
  renew: () => Promise<Shared>,
): Promise<void> {
  const store = new LayerStore(layersFolderOf(config));
  let { name } = shared.base;
  const look = async (): Promise<void> => {
    await renewBase(store, config.baseMaxAgeDays * 86_400_000, shared.images);
    if ((await ensureBaseLayer(store)).name === name) return;
    ({ name } = (await renew()).base);
    log.info({ base: name }, 'new builds stand on a new base image');
  };
  await repeat(look, {
    everyMs: lookAtBaseEveryMs,
    signal,
    onError: (error) => log.warn({ reason: messageOf(error) }, 'cannot renew the base image'),
  });
}
