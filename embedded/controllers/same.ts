/**
 * The value in one canonical form: keys sorted; null, empty lists and empty objects left out, since on
 * the wire they mean the same as absent.
 */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value))
    return value.length > 0 ? value.map((item) => canonical(item) ?? null) : undefined;
  if (value === null || typeof value !== 'object') return value ?? undefined;
  const entries = Object.entries(value)
    .map(([key, member]) => [key, canonical(member)] as const)
    .filter(([, member]) => member !== undefined)
    .toSorted(([left], [right]) => (left < right ? -1 : 1));
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

/** True when two values say the same on the wire (Kubernetes' semantic equality). */
export function sameJson(left: unknown, right: unknown): boolean {
  return JSON.stringify(canonical(left)) === JSON.stringify(canonical(right));
}
