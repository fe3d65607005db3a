import { labels } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { selectorOf } from './labels.ts';
import type { RunSpec } from './run-spec.ts';

type PodSpec = NonNullable<NonNullable<KindTable['deployments']['spec']>['template']['spec']>;
type Affinity = NonNullable<PodSpec['affinity']>;
type Requirement = NonNullable<
  NonNullable<
    NonNullable<Affinity['nodeAffinity']>['preferredDuringSchedulingIgnoredDuringExecution']
  >[number]['preference']['matchExpressions']
>[number];
type Wish = NonNullable<
  NonNullable<Affinity['podAffinity']>['preferredDuringSchedulingIgnoredDuringExecution']
>[number];

const node = 'kubernetes.io/hostname';
const operators = { IN: 'In', NOT_IN: 'NotIn', EXISTS: 'Exists', NOT_EXISTS: 'DoesNotExist' } as const;
/** Of 100: wishes weigh more than what the scheduler likes by itself, and the same among each other. */
const weight = 50;

/** Which nodes an app's pods may or would rather stand on. */
export function renderPlacement(spec: RunSpec): Pick<PodSpec, 'affinity' | 'topologySpreadConstraints'> {
  const affinity = { ...renderNodes(spec), ...renderNeighbours(spec) };
  return {
    ...(Object.keys(affinity).length > 0 ? { affinity } : {}),
    ...(spec.placement.spread
      ? {
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: node,
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: selectorOf(spec) },
            },
          ],
        }
      : {}),
  };
}

function renderNodes({ placement }: RunSpec): Affinity {
  const required = placement.nodes.filter((rule) => rule.required).map(renderRule);
  const preferred = placement.nodes.filter((rule) => !rule.required).map(renderRule);
  if (required.length + preferred.length === 0) return {};
  return {
    nodeAffinity: {
      ...(required.length > 0
        ? {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: required }],
            },
          }
        : {}),
      ...(preferred.length > 0
        ? {
            preferredDuringSchedulingIgnoredDuringExecution: preferred.map((rule) => ({
              weight,
              preference: { matchExpressions: [rule] },
            })),
          }
        : {}),
    },
  };
}

function renderRule({ key, operator, values }: RunSpec['placement']['nodes'][number]): Requirement {
  const takesValues = operator === 'IN' || operator === 'NOT_IN';
  return { key, operator: operators[operator], ...(takesValues ? { values: [...values] } : {}) };
}

function renderNeighbours({ placement, team }: RunSpec): Affinity {
  const wish = (app: string): Wish => ({
    weight,
    podAffinityTerm: {
      topologyKey: node,
      labelSelector: { matchLabels: { [labels.name]: app, [labels.team]: team } },
    },
  });
  const near = placement.nearApps.map(wish);
  const away = placement.awayFromApps.map(wish);
  return {
    ...(near.length > 0 ? { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: near } } : {}),
    ...(away.length > 0
      ? { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: away } }
      : {}),
  };
}
