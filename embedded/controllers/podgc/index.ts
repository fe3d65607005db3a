import { messageOf } from '@skyarc/lib/errors';
import type { Controller, ControllerContext } from '../controller.ts';
import { ignoreGone } from '../failures.ts';
import type { Pod } from '../kinds.ts';
import { isFinished } from '../pods.ts';

/** Removes pods that no kubelet will: of nodes that are gone, and finished ones beyond the threshold. */
export function podGarbageCollector({ client, informers, config, log }: ControllerContext): Controller {
  const { everyMs, terminatedThreshold, vanishedNodeGraceMs } = config.podGc;
  const pods = informers.store('pods');
  const nodes = informers.store('nodes');
  const missingSince = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> = Promise.resolve();
  informers.of('nodes');
  informers.of('pods');

  async function collect(): Promise<void> {
    const all = pods.list();
    const finished = all
      .filter(isFinished)
      .toSorted((left, right) =>
        (left.metadata?.creationTimestamp ?? '') < (right.metadata?.creationTimestamp ?? '') ? -1 : 1,
      );
    const beyond = finished.slice(0, Math.max(0, finished.length - terminatedThreshold));
    const unscheduled = all.filter(({ metadata, spec }) => metadata?.deletionTimestamp && !spec?.nodeName);
    for (const pod of new Set([...beyond, ...unscheduled, ...(await stranded(all))])) {
      const { name = '', namespace, uid } = pod.metadata ?? {};
      await client.delete('pods', name, namespace, { uid, gracePeriodSeconds: 0 }).catch(ignoreGone);
    }
  }

  /** Pods of nodes that have been missing for the grace time, and are missing in the API too. */
  async function stranded(all: readonly Pod[]): Promise<Pod[]> {
    const named = new Set(all.flatMap(({ spec }) => (spec?.nodeName ? [spec.nodeName] : [])));
    const gone = new Set<string>();
    for (const name of missingSince.keys())
      if (nodes.get(name) || !named.has(name)) missingSince.delete(name);
    for (const name of named) {
      if (nodes.get(name)) continue;
      const since = missingSince.get(name) ?? performance.now();
      missingSince.set(name, since);
      const isDue = performance.now() - since >= vanishedNodeGraceMs;
      if (isDue && (await client.find('nodes', name)) === null) gone.add(name);
    }
    return all.filter(({ spec }) => gone.has(spec?.nodeName ?? ''));
  }

  return {
    start() {
      timer = setInterval(() => {
        round = round.then(collect).catch((error: unknown) => {
          log.warn({ reason: messageOf(error) }, 'pods not collected, will retry');
        });
      }, everyMs);
    },
    async stop() {
      clearInterval(timer);
      await round;
    },
  };
}
