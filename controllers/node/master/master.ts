import { randomUUID } from 'node:crypto';
import {
  agentLabel,
  drainAnnotation,
  labels,
  managedByValue,
  masterLease,
  nodeReport,
  nodeVerdict,
  parseStored,
  reportKey,
  systemNamespace,
  verdictAnnotation,
} from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import {
  isAlreadyExists,
  type KindTable,
  type KubeClient,
  LeaderElection,
  type Term,
} from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import { repeat } from '@skyarc/lib/retry';
import type { AgentConfig } from '../agent/config.ts';
import { drain } from './drain.ts';
import { judge, type Sighting } from './judge.ts';

export interface MasterOptions {
  readonly config: AgentConfig;
  readonly kube: KubeClient;
  readonly log: Logger;
}

/** What one agent does for all: says which machines are there, and drains those that are to be drained. */
export function masterOf({ config, kube, log }: MasterOptions): LeaderElection {
  const onError = (error: unknown): void =>
    log.warn({ reason: messageOf(error) }, 'a pass of the master failed');
  return new LeaderElection(kube, {
    name: masterLease,
    namespace: systemNamespace,
    identity: `${config.name}_${randomUUID()}`,
    leaseSeconds: config.leaseSeconds,
    log,
    lastToken: async () => {
      await ensureNamespace(kube);
      return 0;
    },
    lead: async (term) => {
      const { signal } = term;
      await Promise.all([
        repeat(watcherOf(kube, config, term), { everyMs: config.heartbeatMs / 2, signal, onError }),
        repeat(() => drainAll(kube, term), { everyMs: config.drainEveryMs, signal, onError }),
      ]);
    },
  });
}

/** A pass over all reports. A new master sees every machine for the first time: none is offline at once. */
function watcherOf(kube: KubeClient, { staleMs }: AgentConfig, term: Term): () => Promise<void> {
  const sightings = new Map<string, Sighting>();
  return async () => {
    const { items } = await kube.list('configmaps', {
      namespace: systemNamespace,
      labelSelector: agentLabel,
    });
    for (const object of items) {
      const { name = '', annotations } = object.metadata ?? {};
      const report = parseStored(nodeReport, object.data?.[reportKey]);
      const before = parseStored(nodeVerdict, annotations?.[verdictAnnotation]);
      const seen = sight(sightings.get(name), report?.at ?? '');
      sightings.set(name, seen);
      // Offline as an earlier master found it: that it is back is shown by its next report alone.
      if (!seen.isFresh && before?.state === 'OFFLINE') continue;
      const verdict = judge(report, performance.now() - seen.seenAtMs, staleMs, before);
      if (JSON.stringify(verdict) === JSON.stringify(before)) continue;
      term.check();
      await kube.patch(
        'configmaps',
        { name, namespace: systemNamespace },
        { metadata: { annotations: { [verdictAnnotation]: JSON.stringify(verdict) } } },
      );
    }
  };
}

function sight(before: Sighting | undefined, reportedAt: string): Sighting {
  if (before?.reportedAt === reportedAt) return before;
  return { reportedAt, seenAtMs: performance.now(), isFresh: before !== undefined };
}

async function drainAll(kube: KubeClient, term: Term): Promise<void> {
  const { items } = await kube.list('nodes');
  const wanted = items.filter((node: KindTable['nodes']) => node.metadata?.annotations?.[drainAnnotation]);
  for (const node of wanted) {
    term.check();
    await drain(kube, node);
  }
}

async function ensureNamespace(kube: KubeClient): Promise<void> {
  if (await kube.find('namespaces', systemNamespace)) return;
  await kube
    .create('namespaces', {
      metadata: { name: systemNamespace, labels: { [labels.managedBy]: managedByValue } },
    })
    .catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
}
