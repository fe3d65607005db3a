import type { Pod } from '../kinds.ts';
import { controllerOf } from '../owners.ts';
import { companyPoints } from './company.ts';
import { matchesNodeTerm, tolerates, type NodeState } from './filters.ts';
import { allocatableOf, requestsOf } from '../../client/pod-resources.ts';

type Score = (pod: Pod, state: NodeState, all: readonly NodeState[]) => number;

/** Points from 0 to 100 and their weight; the node with the most points wins. */
const scores: readonly { readonly weight: number; readonly score: Score }[] = [
  { weight: 1, score: leastAllocated },
  { weight: 2, score: spreadByOwner },
  { weight: 2, score: preferredNode },
  { weight: 3, score: preferredTaints },
];

const companyWeight = 2;

/** The best of the feasible nodes among all of them; between equals, any. Undefined when there is none. */
export function chooseNode(
  pod: Pod,
  feasible: readonly NodeState[],
  all: readonly NodeState[] = feasible,
): NodeState | undefined {
  if (feasible.length < 2) return feasible[0];
  const company = companyPoints(pod, feasible, all);
  const ranked = feasible.map((state, index) => ({
    state,
    points: scores.reduce(
      (sum, { weight, score }) => sum + weight * score(pod, state, feasible),
      companyWeight * (company[index] ?? 0),
    ),
  }));
  const best = Math.max(...ranked.map(({ points }) => points));
  const winners = ranked.filter(({ points }) => points === best);
  return winners[Math.floor(Math.random() * winners.length)]?.state;
}

function leastAllocated(pod: Pod, { node, requested }: NodeState): number {
  const allocatable = allocatableOf(node);
  const request = requestsOf(pod);
  const free = ['cpu', 'memory'].map((name) => {
    const total = allocatable[name] ?? 0;
    const used = (requested[name] ?? 0) + (request[name] ?? 0);
    return total > 0 ? Math.max(0, (total - used) / total) * 100 : 0;
  });
  return free.reduce((sum, share) => sum + share, 0) / free.length;
}

function spreadByOwner(pod: Pod, state: NodeState, all: readonly NodeState[]): number {
  const owner = controllerOf(pod)?.uid;
  if (!owner) return 0;
  const count = ({ pods }: NodeState) => pods.filter((other) => controllerOf(other)?.uid === owner).length;
  const most = Math.max(...all.map(count));
  return most === 0 ? 100 : ((most - count(state)) / most) * 100;
}

function preferredNode({ spec }: Pod, { node }: NodeState): number {
  const preferred = spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const total = preferred.reduce((sum, { weight }) => sum + weight, 0);
  const met = preferred
    .filter(({ preference }) => matchesNodeTerm(preference, node))
    .reduce((sum, { weight }) => sum + weight, 0);
  return total > 0 ? (met / total) * 100 : 0;
}

function preferredTaints({ spec }: Pod, { node }: NodeState): number {
  const soft = (node.spec?.taints ?? []).filter(({ effect }) => effect === 'PreferNoSchedule');
  return soft.every((taint) => tolerates(spec?.tolerations, taint)) ? 100 : 0;
}
