/** kube-scheduler's sentence: how many nodes refused, and for which reasons. */
export function unschedulableMessage(refusals: readonly (readonly string[])[]): string {
  if (refusals.length === 0) return 'no nodes available to schedule pods';
  const counts = new Map<string, number>();
  for (const reason of refusals.flat()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return `0/${refusals.length} nodes are available: ${parts.join(', ')}.`;
}
