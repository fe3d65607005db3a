import type { Node, Pod } from '../kinds.ts';
import { matching, type NodeState, type PodTerm, sameTopology } from './filters.ts';

/** A pod somewhere that draws the new one to its place, or from it where the weight is negative. */
interface Pull {
  readonly node: Node;
  readonly term: PodTerm;
  readonly weight: number;
}

/**
 * Points from 0 to 100 for each node: how well a pod's wishes to be near to some pods and away from others
 * are met there, and the wishes of those that run already, as kube-scheduler's InterPodAffinity counts them.
 */
export function companyPoints(
  pod: Pod,
  feasible: readonly NodeState[],
  all: readonly NodeState[],
): readonly number[] {
  const pulls = all.flatMap(({ node, pods }) =>
    pods.flatMap((other) => [
      ...wishesOf(pod)
        .filter(({ term }) => matching(term, pod, [other]).length > 0)
        .map((wish) => ({ ...wish, node })),
      ...wishesOf(other)
        .filter(({ term }) => matching(term, other, [pod]).length > 0)
        .map((wish) => ({ ...wish, node })),
    ]),
  );
  const sums = feasible.map((state) =>
    pulls
      .filter(({ term, node }) => sameTopology(term, node, state.node))
      .reduce((sum, { weight }) => sum + weight, 0),
  );
  const least = Math.min(...sums);
  const span = Math.max(...sums) - least;
  return sums.map((sum) => (span > 0 ? ((sum - least) / span) * 100 : 0));
}

function wishesOf({ spec }: Pod): Omit<Pull, 'node'>[] {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  const near = podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const away = podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return [
    ...near.map(({ weight, podAffinityTerm: term }) => ({ weight, term })),
    ...away.map(({ weight, podAffinityTerm: term }) => ({ weight: -weight, term })),
  ];
}
