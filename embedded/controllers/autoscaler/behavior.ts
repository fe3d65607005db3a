import type { Autoscaler } from '../kinds.ts';

type Behavior = NonNullable<NonNullable<Autoscaler['spec']>['behavior']>;
type Rules = NonNullable<Behavior['scaleUp']>;

/** What an autoscaler remembers of the last minutes; lost with the process, as in Kubernetes. */
export interface History {
  /** What was wanted when. */
  readonly recommendations: { readonly replicas: number; readonly atMs: number }[];
  /** By how much it was changed when: positive up, negative down. */
  readonly changes: { readonly by: number; readonly atMs: number }[];
}

export interface Decision {
  readonly replicas: number;
  /** AbleToScale: why it is not what was wanted; undefined when it is. */
  readonly stabilized?: { readonly reason: string; readonly message: string };
  /** ScalingLimited. */
  readonly limited: { readonly isLimited: boolean; readonly reason: string; readonly message: string };
}

const defaultUp: Rules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const defaultDown: Rules = {
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
};

/** The behaviour of an autoscaler with the defaults for what it leaves open. */
export function behaviorOf({ spec }: Autoscaler, stabilizationMs: number): { up: Rules; down: Rules } {
  const own = spec?.behavior ?? {};
  const filled = (rules: Rules | undefined, defaults: Rules): Rules => ({
    ...defaults,
    ...rules,
    policies: rules?.policies?.length ? rules.policies : defaults.policies,
  });
  const down = { ...defaultDown, stabilizationWindowSeconds: stabilizationMs / 1_000 };
  return { up: filled(own.scaleUp, defaultUp), down: filled(own.scaleDown, down) };
}

export interface Bounds {
  readonly current: number;
  readonly min: number;
  readonly max: number;
  readonly now: number;
}

/** From what the metrics want to what is done: windows first, then policies, then the bounds. */
export function decide(
  wanted: number,
  { current, min, max, now }: Bounds,
  { up, down }: { up: Rules; down: Rules },
  history: History,
): Decision {
  const steady = stabilize(wanted, { current, now }, { up, down }, history);
  const stabilized =
    steady === wanted
      ? undefined
      : steady > wanted
        ? {
            reason: 'ScaleDownStabilized',
            message:
              'recent recommendations were higher than current one, applying the highest recent recommendation',
          }
        : {
            reason: 'ScaleUpStabilized',
            message:
              'recent recommendations were lower than current one, applying the lowest recent recommendation',
          };
  return { ...limit(steady, { current, min, max, now }, { up, down }, history), stabilized };
}

/** Up only as far as all of its window wanted, down only as far as all of its own did. */
function stabilize(
  wanted: number,
  { current, now }: { current: number; now: number },
  { up, down }: { up: Rules; down: Rules },
  { recommendations }: History,
): number {
  const within = (rules: Rules) =>
    recommendations
      .filter(({ atMs }) => atMs > now - (rules.stabilizationWindowSeconds ?? 0) * 1_000)
      .map(({ replicas }) => replicas);
  const ceiling = Math.min(wanted, ...within(up));
  const floor = Math.max(wanted, ...within(down));
  return Math.min(Math.max(current, ceiling), floor);
}

function limit(
  wanted: number,
  { current, min, max, now }: Bounds,
  { up, down }: { up: Rules; down: Rules },
  { changes }: History,
): Omit<Decision, 'stabilized'> {
  if (wanted > current) {
    const rate = Math.max(current, upTo(current, up, changes, now));
    if (rate < max && wanted > rate) {
      const message = 'the desired replica count is increasing faster than the maximum scale rate';
      return limited(rate, 'ScaleUpLimit', message);
    }
    if (wanted > max)
      return limited(
        max,
        'TooManyReplicas',
        'the desired replica count is more than the maximum replica count',
      );
  } else if (wanted < current) {
    const rate = Math.min(current, downTo(current, down, changes, now));
    if (rate > min && wanted < rate) {
      const message = 'the desired replica count is decreasing faster than the maximum scale rate';
      return limited(rate, 'ScaleDownLimit', message);
    }
    if (wanted < min)
      return limited(
        min,
        'TooFewReplicas',
        'the desired replica count is less than the minimum replica count',
      );
  }
  const message = 'the desired count is within the acceptable range';
  return { replicas: wanted, limited: { isLimited: false, reason: 'DesiredWithinRange', message } };
}

function limited(replicas: number, reason: string, message: string): Omit<Decision, 'stabilized'> {
  return { replicas, limited: { isLimited: true, reason, message } };
}

function upTo(current: number, rules: Rules, changes: History['changes'], now: number): number {
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = current - changed(changes, 1, now - periodSeconds * 1_000);
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return select(rules, limits, { disabled: current, isUp: true });
}

function downTo(current: number, rules: Rules, changes: History['changes'], now: number): number {
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = current + changed(changes, -1, now - periodSeconds * 1_000);
    return type === 'Pods' ? start - value : Math.floor(start * (1 - value / 100));
  });
  return select(rules, limits, { disabled: current, isUp: false });
}

/** Max means the policy that changes most, in either direction. */
function select(
  { selectPolicy = 'Max' }: Rules,
  limits: readonly number[],
  { disabled, isUp }: { disabled: number; isUp: boolean },
): number {
  if (selectPolicy === 'Disabled' || limits.length === 0) return disabled;
  return (selectPolicy === 'Max') === isUp ? Math.max(...limits) : Math.min(...limits);
}

function changed(changes: History['changes'], sign: 1 | -1, sinceMs: number): number {
  return changes
    .filter(({ by, atMs }) => Math.sign(by) === sign && atMs > sinceMs)
    .reduce((sum, { by }) => sum + Math.abs(by), 0);
}

const longestMs = 3_600_000;

/** Forgets what no window or period reaches any more. */
export function forgetOld(history: History, now: number): void {
  for (const list of [history.recommendations, history.changes]) {
    const kept = list.findIndex(({ atMs }) => atMs > now - longestMs);
    list.splice(0, kept < 0 ? list.length : kept);
  }
}
