import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type HeaderMatcherSchema,
  type RouteActionSchema,
  RouteConfigurationSchema,
  type RouteSchema,
} from '@skyarc/lib/contracts/generated/envoy/config/route/v3/route_pb.js';
import type { MeshHeader, MeshPolicy, MeshRule, MeshTarget } from '@skyarc/lib/contracts';
import type { Dialect, Resource } from '../types.ts';
import { durationOf, resourceOf } from './message.ts';
import { clusterName, entryName } from './names.ts';

type RouteInit = MessageInitShape<typeof RouteSchema>;
type ActionInit = Exclude<MessageInitShape<typeof RouteActionSchema>, { $typeName: string }>;

const firstWaitMs = 25;

/** Where the calls to one port of a service go: its rule's routes in order, then the service itself. */
export function renderRoute(rule: MeshRule, port: number, dialect: Dialect): Resource {
  const name = entryName({ service: rule.service, port });
  const rest = { headers: [], targets: [{ service: rule.service, weight: 1 }] };
  const routes = [...rule.routes, rest].map(({ headers, targets }, index): RouteInit => ({
    name: `${name}/${index}`,
    match: { pathSpecifier: { case: 'prefix', value: '' }, headers: headers.map(renderHeader) },
    action: { case: 'route', value: renderAction(targets, port, rule, dialect) },
  }));
  const configuration = create(RouteConfigurationSchema, {
    name,
    virtualHosts: [{ name, domains: ['*'], routes }],
  });
  return resourceOf(RouteConfigurationSchema, name, configuration);
}

function renderHeader({ name, exact, prefix }: MeshHeader): MessageInitShape<typeof HeaderMatcherSchema> {
  if (exact === undefined && prefix === undefined) {
    return { name, headerMatchSpecifier: { case: 'presentMatch', value: true } };
  }
  const matchPattern =
    exact === undefined
      ? ({ case: 'prefix', value: prefix ?? '' } as const)
      : ({ case: 'exact', value: exact } as const);
  return { name, headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern } } };
}

function renderAction(
  targets: readonly MeshTarget[],
  port: number,
  { service, policy }: MeshRule,
  dialect: Dialect,
): ActionInit {
  const clusters = targets.map((target) => ({
    name: clusterName(service, { ...target, port }),
    weight: target.weight,
  }));
  return { clusterSpecifier: renderClusters(clusters), ...renderPolicy(policy, dialect) };
}

function renderClusters(
  clusters: readonly { name: string; weight: number }[],
): NonNullable<ActionInit['clusterSpecifier']> {
  const [only, ...others] = clusters;
  if (only && others.length === 0) return { case: 'cluster', value: only.name };
  return { case: 'weightedClusters', value: { clusters: [...clusters] } };
}

function renderPolicy({ timeoutMs, retries }: MeshPolicy, dialect: Dialect): Partial<ActionInit> {
  const on = retries?.on.map((reason) => reason.toLowerCase().replaceAll('_', '-')) ?? [];
  // Calls that are not gRPC fail before they have a status of gRPC.
  const more = dialect === 'envoy' ? ['connect-failure', 'refused-stream', 'gateway-error'] : [];
  return {
    // Without a word Envoy would end every call after 15 s.
    timeout: durationOf(timeoutMs ?? 0),
    ...(timeoutMs ? { maxStreamDuration: { maxStreamDuration: durationOf(timeoutMs) } } : {}),
    ...(retries
      ? {
          retryPolicy: {
            retryOn: [...on, ...more].join(','),
            numRetries: retries.attempts,
            ...(retries.perTryTimeoutMs ? { perTryTimeout: durationOf(retries.perTryTimeoutMs) } : {}),
            retryBackOff: {
              baseInterval: durationOf(firstWaitMs),
              maxInterval: durationOf(firstWaitMs * 10),
            },
          },
        }
      : {}),
  };
}
