import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { labels, managedByValue } from '@skyarc/lib/contracts';
import { ensureObject, LeaderElection, type Term } from '@skyarc/lib/kube';
import type { WorkerContext } from '../context.ts';
import { ExternalKeeper } from '../external/keeper.ts';
import { InheritanceKeeper } from '../inherited/keeper.ts';
import { ensureClasses } from '../provisioner/classes.ts';
import { VolumeFolders } from '../provisioner/folders.ts';
import { Provisioner } from '../provisioner/provisioner.ts';
import { MetricsServer } from '../scaling/metrics-server.ts';
import { ScalingRecorder } from '../scaling/recorder.ts';
import { lastTerm, takeOffice } from './fence.ts';
import { GarbageCollector } from './garbage.ts';
import { UsageCounter } from './usage.ts';

/**
 * What one worker does for all: volumes, their statistics, garbage, health of third-party apps, records of
 * scaling, and apps that are to take over what others tell them. A leader that was replaced without noticing
 * can do no harm: the database refuses its token, the trash of its term is gone, and what it would write in
 * the cluster depends on a state that its successor has changed.
 */
export function leaderOf(context: WorkerContext): LeaderElection {
  const { kube, db, config, log } = context;
  return new LeaderElection(kube, {
    name: 'skyarc-worker',
    namespace: config.systemNamespace,
    identity: `${hostname()}_${process.pid}_${randomUUID()}`,
    leaseSeconds: config.leaseSeconds,
    log,
    lastToken: async () => {
      await ensureNamespace(context);
      return lastTerm(db);
    },
    lead: (term) => lead(context, term),
  });
}

async function lead(context: WorkerContext, term: Term): Promise<void> {
  const { db } = context;
  await takeOffice(db, term.token);
  const chores = [
    new ExternalKeeper(context).run(term.signal),
    new InheritanceKeeper(context).run(term.signal),
    new ScalingRecorder(context, term).run(),
    new MetricsServer(context, term).run(),
  ];
  await Promise.all([provide(context, term), ...chores]);
}

async function provide(context: WorkerContext, term: Term): Promise<void> {
  const { kube, config } = context;
  const { folder } = config.storage;
  if (folder === undefined) return new GarbageCollector(context, term, undefined).run();
  const folders = await VolumeFolders.open(folder, term.token);
  await ensureClasses(kube, config);
  const provisioner = new Provisioner(context, folders, term);
  const collector = new GarbageCollector(context, term, { folders, provisioner });
  const usage = new UsageCounter(context, provisioner, term);
  await Promise.all([provisioner.run(), collector.run(), usage.run()]);
}

async function ensureNamespace({ kube, config }: WorkerContext): Promise<void> {
  if (await kube.find('namespaces', config.systemNamespace)) return;
  await ensureObject(kube, 'namespaces', {
    metadata: { name: config.systemNamespace, labels: { [labels.managedBy]: managedByValue } },
  });
}
