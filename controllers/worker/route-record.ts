import { type L4Port, routePolicy, type RoutePolicyInput } from '@skyarc/lib/contracts';
import type { SecretBox } from '@skyarc/lib/secretbox';
import type { L4RouteRecord, RouteRecord } from '@skyarc/prisma/datacenter';
import type { RouteSpec } from './render/run-spec.ts';

/** A route as it is rendered; its policy is written as it was given, after a check. */
export function routeOf(row: RouteRecord, secretBox: SecretBox): RouteSpec {
  const { id, host, path, port, certificateId } = row;
  const policy = JSON.parse(row.policy) as RoutePolicyInput;
  routePolicy.parse(policy);
  return {
    id,
    host,
    path,
    port,
    policy,
    basicAuth: row.basicAuth === null ? null : secretBox.open(row.basicAuth, `route:${id}`),
    certificateId,
  };
}

export function l4PortOf({ listenPort, port, protocol }: L4RouteRecord): L4Port {
  return { listenPort, servicePort: port, protocol: protocol === 'UDP' ? 'UDP' : 'TCP' };
}
