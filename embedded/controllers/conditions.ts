import { timestamp } from './kinds.ts';

/** A condition of an object's status (meta/v1), times as RFC 3339. */
export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

/** The conditions with this one in place of any of its type; its time is kept while its status is the same. */
export function withCondition<C extends Condition>(conditions: readonly C[], news: C): C[] {
  const index = conditions.findIndex(({ type }) => type === news.type);
  const known = conditions[index];
  const isSame = known?.status === news.status && known.lastTransitionTime !== undefined;
  const next = { ...news, lastTransitionTime: isSame ? known.lastTransitionTime : timestamp() };
  return index < 0 ? [...conditions, next] : conditions.with(index, next);
}
