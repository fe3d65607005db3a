import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import type { Registry } from '../registry.ts';
import { formatAmount, hardOf } from './quota-usage.ts';

/** Changes come in bursts: one count tells of all of them. */
const settleMs = 100;

/** Keeps `status.used` of every ResourceQuota true until the returned function is called; for people to read only. */
export function keepQuotaStatus(registry: Registry, log: Logger): () => void {
  const quotas = registry.kindNamed('resourcequotas', '');
  const waiting = new Map<string, NodeJS.Timeout>();
  const count = async (namespace: string): Promise<void> => {
    for (const { object: quota } of registry.reader.entries(quotas, namespace)) {
      const used = registry.quotas.usedOf(quota);
      const texts = Object.entries(used).map(([name, amount]) => [name, formatAmount(name, amount)]);
      const status = { hard: hardOf(quota), used: Object.fromEntries(texts) as Record<string, string> };
      if (isDeepStrictEqual(status, quota.status)) continue;
      const place = { namespace, name: quota.metadata.name };
      await registry.update(quotas, place, (current) => ({ ...current, status }), { scope: 'status' });
    }
  };
  const changed = (namespace: string): void => {
    if (waiting.has(namespace) || registry.reader.entries(quotas, namespace).length === 0) return;
    const timer = setTimeout(() => {
      waiting.delete(namespace);
      count(namespace).catch((error: unknown) =>
        log.debug({ namespace, reason: messageOf(error) }, 'quota status not written'),
      );
    }, settleMs);
    waiting.set(namespace, timer);
  };
  const from = { resourceVersion: String(registry.reader.revision) };
  const stops = registry.kinds
    .filter(({ namespaced, plural }) => namespaced && plural !== 'events')
    .map((kind) =>
      registry.reader.watch(kind, from, (_type, { object }) => changed(object.metadata.namespace ?? '')),
    );
  for (const { object } of registry.reader.entries(quotas)) changed(object.metadata.namespace ?? '');
  return () => {
    stops.forEach((stop) => stop());
    waiting.forEach((timer) => clearTimeout(timer));
  };
}
