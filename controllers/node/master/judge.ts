import { type NodeReport, type NodeVerdict } from '@skyarc/lib/contracts';

/** When a machine's report was last seen to change, by the master's own clock; no two clocks are compared. */
export interface Sighting {
  readonly reportedAt: string;
  readonly seenAtMs: number;
  /** Whether it changed before our eyes. */
  readonly isFresh: boolean;
}

/** What is to be said of a machine; `since` is kept while the state is the same. */
export function judge(
  report: NodeReport | null,
  silentMs: number,
  staleMs: number,
  before: NodeVerdict | null,
): NodeVerdict {
  const [state, reason] = stateOf(report, silentMs, staleMs);
  const since = before?.state === state ? before.since : new Date().toISOString();
  return { state, reason, since };
}

function stateOf(
  report: NodeReport | null,
  silentMs: number,
  staleMs: number,
): [NodeVerdict['state'], string | null] {
  if (!report) return ['OFFLINE', 'Its agent reports nothing that can be read'];
  if (silentMs > staleMs) return ['OFFLINE', `Its agent was last heard of at ${report.at}`];
  const active = report.conditions.filter((condition) => condition.active);
  if (active.length === 0) return ['ONLINE', null];
  return ['UNHEALTHY', active.map(({ message }) => message).join('; ')];
}
