import { labels, type RoutePolicyInput } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { labelsOf, selectorOf } from './labels.ts';
import { renderServicePorts } from './network.ts';
import type { NetworkSpec, RenderOptions, RunSpec } from './run-spec.ts';
import { renderDeployment } from './workload.ts';

type Split = NonNullable<RoutePolicyInput['split']>;
type Target = Split['targets'][number];

const weightSum = 1_000;
const mostTargets = 16;
const stickyCookie = 'skyarc-grey';

/** Name of the candidate's Deployment and Service. */
export function greyName(spec: Pick<RunSpec, 'name'>): string {
  return `${spec.name}-grey`;
}

/** The app as its candidate is run; null while no version is tried. */
export function candidateOf(spec: RunSpec): RunSpec | null {
  if (!spec.grey) return null;
  const { version, release } = spec.grey;
  return {
    ...spec,
    version,
    replicas: spec.replicas === 0 ? 0 : release.replicas,
    autoscaling: null,
    grey: null,
  };
}

export function renderGreyDeployment(spec: RunSpec, options: RenderOptions): KindTable['deployments'] | null {
  const candidate = candidateOf(spec);
  if (!candidate) return null;
  const { metadata, spec: body } = renderDeployment(candidate, options);
  if (!body) return null;
  const mark = greyLabels(spec);
  const pods = body.template.metadata;
  return {
    metadata: { ...metadata, name: greyName(spec), labels: { ...metadata?.labels, ...mark } },
    spec: {
      ...body,
      selector: { matchLabels: greySelector(spec) },
      template: { ...body.template, metadata: { ...pods, labels: { ...pods?.labels, ...mark } } },
    },
  };
}

export function renderGreyService(spec: NetworkSpec): KindTable['services'] | null {
  if (!spec.grey || spec.ports.length === 0) return null;
  return {
    metadata: {
      name: greyName(spec),
      namespace: spec.namespace,
      labels: { ...labelsOf(spec), ...greyLabels(spec) },
    },
    spec: { type: 'ClusterIP', selector: greySelector(spec), ports: renderServicePorts(spec) },
  };
}

/**
 * A route's policy with the candidate in it: what named the app is shared between both versions, and requests
 * with the header or cookie go to the candidate. Shares are thousandths.
 */
export function withGrey(policy: RoutePolicyInput, spec: NetworkSpec, port: number): RoutePolicyInput {
  if (!spec.grey) return policy;
  const { percent, sticky, header, cookie } = spec.grey.release;
  const candidate = { service: greyName(spec), port };
  const forced: Target[] = [
    ...(header ? [{ ...candidate, match: { headers: [{ ...header, op: 'EXACT' as const }] } }] : []),
    ...(cookie ? [{ ...candidate, match: { cookies: [{ ...cookie, op: 'EXACT' as const }] } }] : []),
  ];
  const asked = policy.split?.targets ?? [{ service: spec.name, port, weight: 1 }];
  const drawn = asked.filter(({ match }) => !match);
  const total = drawn.reduce((sum, { weight = 0 }) => sum + weight, 0) || 1;
  const shared = asked.flatMap((target): Target[] => {
    const share = target.match ? 0 : ((target.weight ?? 0) / total) * weightSum;
    if (target.service !== spec.name) return [{ ...target, weight: Math.round(share) }];
    const tried = Math.round((share * percent) / 100);
    return [
      { ...target, weight: Math.round(share) - tried },
      ...(target.match ? [] : [{ service: greyName(spec), port: target.port, weight: tried }]),
    ];
  });
  const targets = [...forced, ...shared];
  // The gateway would refuse the route; better it is served without the candidate.
  if (targets.length > mostTargets) return policy;
  return { ...policy, split: { targets, sticky: policy.split?.sticky ?? stickyOf(sticky) } };
}

/** Beside the app's id: the name tells the candidate's pods from the app's, for both Services. */
function greySelector(spec: NetworkSpec): Record<string, string> {
  return { ...selectorOf(spec), [labels.name]: greyName(spec) };
}

function greyLabels(spec: NetworkSpec): Record<string, string> {
  return { [labels.name]: greyName(spec), [labels.track]: 'grey' };
}

function stickyOf(sticky: 'COOKIE' | 'CLIENT_IP' | 'NONE'): Split['sticky'] {
  if (sticky === 'NONE') return null;
  return sticky === 'COOKIE' ? { by: 'COOKIE', name: stickyCookie } : { by: 'CLIENT_IP' };
}
