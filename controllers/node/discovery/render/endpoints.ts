import { create } from '@bufbuild/protobuf';
import { HealthStatus } from '@skyarc/lib/contracts/generated/envoy/config/core/v3/core_pb.js';
import { ClusterLoadAssignmentSchema } from '@skyarc/lib/contracts/generated/envoy/config/endpoint/v3/endpoint_pb.js';
import type { KindTable } from '@skyarc/lib/kube';
import type { Resource } from '../types.ts';
import { resourceOf } from './message.ts';
import { type Destination, endpointsName } from './names.ts';

type Slice = KindTable['endpointslices'];

/**
 * The endpoints of a destination that take calls, in a fixed order; none is an empty list, not an absent one.
 * What is known is answered again when it holds the same: a change touches few of a service's many ports.
 */
export function renderEndpoints(
  destination: Destination & { readonly portName: string | undefined },
  slices: readonly Slice[],
  known?: Resource,
): Resource {
  const found = placesOf(destination, slices);
  const places = [...found.keys()].join();
  if (known?.places === places) return known;
  const name = endpointsName(destination);
  const endpoints = [...found.values()].map(({ address, port }) => ({
    hostIdentifier: {
      case: 'endpoint' as const,
      value: {
        address: {
          address: {
            case: 'socketAddress' as const,
            value: { address, portSpecifier: { case: 'portValue' as const, value: port } },
          },
        },
      },
    },
    healthStatus: HealthStatus.HEALTHY,
  }));
  const assignment = create(ClusterLoadAssignmentSchema, {
    clusterName: name,
    // A locality without endpoints would be taken for one that is down.
    endpoints: endpoints.length > 0 ? [{ locality: {}, lbEndpoints: endpoints, loadBalancingWeight: 1 }] : [],
  });
  return { ...resourceOf(ClusterLoadAssignmentSchema, name, assignment), places };
}

function placesOf(
  { portName, instance }: { portName: string | undefined; instance?: string | undefined },
  slices: readonly Slice[],
): Map<string, { address: string; port: number }> {
  const found = new Map<string, { address: string; port: number }>();
  for (const { addressType, endpoints, ports } of slices) {
    const port = ports?.find(({ name }) => (name ?? '') === (portName ?? ''))?.port;
    if (port === undefined || addressType === 'FQDN') continue;
    for (const { addresses, conditions, targetRef } of endpoints ?? []) {
      const isReady = conditions?.ready !== false;
      const isMeant = instance === undefined || targetRef?.name === instance;
      const [address] = addresses;
      if (isReady && isMeant && address) found.set(`${address} ${port}`, { address, port });
    }
  }
  return new Map([...found].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
