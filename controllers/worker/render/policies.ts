import { labels, managedByValue } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import type { RenderOptions, RunSpec } from './run-spec.ts';

type Peer = NonNullable<
  NonNullable<NonNullable<KindTable['networkpolicies']['spec']>['ingress']>[number]['_from']
>[number];

/**
 * Pods of a team talk with their own namespace, with namespaces that belong to no team (the platform, the
 * gateway, cluster DNS) and with everything that is not a pod; never with another team's pods.
 */
export function renderTeamPolicy(
  spec: Pick<RunSpec, 'namespace' | 'team'>,
  { podCidrs }: Pick<RenderOptions, 'podCidrs'>,
): KindTable['networkpolicies'] {
  const peers: Peer[] = [
    { podSelector: {} },
    { namespaceSelector: { matchExpressions: [{ key: labels.team, operator: 'DoesNotExist' }] } },
    ...(['0.0.0.0/0', '::/0'] as const).map((cidr) => {
      const except = podCidrs.filter((each) => each.includes(':') === cidr.includes(':'));
      return { ipBlock: { cidr, ...(except.length > 0 ? { except } : {}) } };
    }),
  ];
  // `from` on the wire; the client's types call it `_from`.
  const ingress = [{ from: peers }] as object[];
  return {
    metadata: {
      name: 'skyarc-team',
      namespace: spec.namespace,
      labels: { [labels.managedBy]: managedByValue, [labels.team]: spec.team },
    },
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress, egress: [{ to: peers }] },
  };
}
