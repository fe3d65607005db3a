import type { Probe } from '@skyarc/lib/contracts';

/** What is known of one endpoint of a third-party app. */
export interface Health {
  /** Null until as many answers agree as its thresholds ask for. */
  readonly healthy: boolean | null;
  /** Why it is not healthy, in one sentence. */
  readonly message: string | null;
  /** Answers in a row that were like the last one. */
  readonly streak: number;
  readonly isLastGood: boolean | null;
  /** When it was healthy last, in milliseconds; 0 for never. */
  readonly goodAtMs: number;
}

export const unknownHealth: Health = {
  healthy: null,
  message: null,
  streak: 0,
  isLastGood: null,
  goodAtMs: 0,
};

/** Takes an answer in: `problem` is null for a good one. The first answer decides at once. */
export function nextHealth(
  health: Health,
  { problem, nowMs, probe }: { problem: string | null; nowMs: number; probe: Probe | null },
): Health {
  const isGood = problem === null;
  const streak = health.isLastGood === isGood ? health.streak + 1 : 1;
  const needed = (isGood ? probe?.successThreshold : probe?.failureThreshold) ?? 1;
  const healthy = health.healthy === null || streak >= needed ? isGood : health.healthy;
  return {
    healthy,
    message: healthy ? null : (problem ?? health.message),
    streak,
    isLastGood: isGood,
    goodAtMs: isGood ? nowMs : health.goodAtMs,
  };
}
