import type { RouteMatch } from '@skyarc/lib/contracts';
import type { BackendRef, Claim, Claimant, PathType, Problem } from './model.ts';

/** What rules of one host look like to router.lua. */
type RenderedRule = readonly [ingress: string, backend: string, hasPolicy: 0 | 1];

interface Place {
  readonly claimant: Claimant;
  readonly claim: Claim;
  readonly rule: RenderedRule;
}

/** Key of the backend of an Ingress's path, or why there is none. */
export type ResolveBackend = (namespace: string, ref: BackendRef) => { key: string } | string;

/**
 * The rules of a host for router.lua; undefined when nobody claims it. The oldest Ingress keeps a path and
 * conditions that several claim. Rules of one path stand in the order of Gateway API: method, number of
 * header and cookie conditions, of query conditions, age.
 */
export function renderHost(
  host: string,
  claimants: readonly Claimant[],
  resolve: ResolveBackend,
): { value: string | undefined; problems: Problem[] } {
  const problems: Problem[] = [];
  const paths: Record<PathType, Map<string, Map<string, Place>>> = {
    EXACT: new Map(),
    REGEX: new Map(),
    PREFIX: new Map(),
  };
  const oldestFirst = claimants.toSorted((left, right) => (left.age < right.age ? -1 : 1));
  // Default backends take what no rule takes, wherever it stands.
  for (const isDefault of [false, true]) {
    for (const claimant of oldestFirst) {
      for (const claim of claimant.claims) {
        if (claim.host === host && claim.isDefault === isDefault)
          problems.push(...place(claimant, claim, paths[claim.pathType], resolve));
      }
    }
  }
  const rules = (byMatch: Map<string, Place>) =>
    [...byMatch.values()]
      .toSorted((left, right) => compare(matchOf(right.claimant), matchOf(left.claimant)))
      .map(({ rule }) => rule);
  const record = (type: PathType) =>
    paths[type].size > 0
      ? Object.fromEntries([...paths[type]].map(([path, byMatch]) => [path, rules(byMatch)]))
      : undefined;
  const regex = [...paths.REGEX].map(([path, byMatch]) => [path, rules(byMatch)]);
  const isEmpty = Object.values(paths).every(({ size }) => size === 0);
  const prefixes = record('PREFIX');
  const whole = { e: record('EXACT'), p: prefixes, r: regex.length > 0 ? regex : undefined };
  const value = isEmpty ? undefined : JSON.stringify(soleOf(whole) ?? whole);
  return { value, problems };
}

/** `<ingress>|<backend>` of a host with one rule for all paths and no policy: most are, and thousands have to be small. */
function soleOf(record: {
  e?: unknown;
  p?: Record<string, readonly RenderedRule[]> | undefined;
  r?: unknown;
}): string | undefined {
  const [[path, rules] = [], ...others] = Object.entries(record.p ?? {});
  const [rule, second] = rules ?? [];
  if (path !== '' || others.length > 0 || !rule || second || record.e || record.r) return undefined;
  const [ingress, backend, hasPolicy] = rule;
  return hasPolicy === 0 ? `${ingress}|${backend}` : undefined;
}

function place(
  claimant: Claimant,
  claim: Claim,
  taken: Map<string, Map<string, Place>>,
  resolve: ResolveBackend,
): Problem[] {
  const byMatch = taken.get(claim.path) ?? new Map<string, Place>();
  if (claim.isDefault && byMatch.size > 0) return [];
  const conditions = JSON.stringify(matchOf(claimant) ?? null);
  const owner = byMatch.get(conditions)?.claimant;
  const shown = `${claim.host || '*'}${claim.path || '/'}`;
  const problem = (reason: Problem['reason'], message: string): Problem => ({
    object: claimant.ingress,
    kind: 'Ingress',
    reason,
    message,
  });
  if (owner) return [problem('Conflict', `${shown} is routed by the older Ingress ${owner.key} already`)];
  const backend = resolve(claimant.ingress.metadata?.namespace ?? '', claim.backend);
  taken.set(claim.path, byMatch);
  const key = typeof backend === 'string' ? '' : backend.key;
  byMatch.set(conditions, { claimant, claim, rule: [claimant.key, key, claimant.policy ? 1 : 0] });
  // The place stays taken and answers 503: it must not fall through to somebody else's route. A split may take all.
  const hasSplit = claimant.policy !== 'broken' && claimant.policy?.split;
  return typeof backend === 'string' && !hasSplit
    ? [problem('InvalidBackend', `${shown} leads nowhere: ${backend}`)]
    : [];
}

function matchOf({ policy }: Claimant): RouteMatch | undefined {
  return (policy !== 'broken' && policy?.match) || undefined;
}

function compare(left: RouteMatch | undefined, right: RouteMatch | undefined): number {
  const [one, two] = [weigh(left), weigh(right)];
  for (const [index, value] of one.entries()) {
    const difference = value - (two[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function weigh(match: RouteMatch | undefined): number[] {
  return [
    match?.methods.length ? 1 : 0,
    (match?.headers.length ?? 0) + (match?.cookies.length ?? 0),
    match?.query.length ?? 0,
  ];
}
