import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type CircuitBreakersSchema,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
  type OutlierDetectionSchema,
} from '@skyarc/lib/contracts/generated/envoy/config/cluster/v3/cluster_pb.js';
import { HttpProtocolOptionsSchema } from '@skyarc/lib/contracts/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { MeshPolicy, MeshRule } from '@skyarc/lib/contracts';
import type { Dialect, Resource } from '../types.ts';
import { byThisStream, durationOf, packed, resourceOf } from './message.ts';
import { clusterName, type Destination, endpointsName } from './names.ts';

const connectTimeoutMs = 5_000;
const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** A destination as Envoy's Cluster, whose endpoints come by EDS. */
export function renderCluster(
  destination: Destination & { readonly isHttp2: boolean },
  { service, policy: { limits, outlierDetection } }: MeshRule,
  dialect: Dialect,
): Resource {
  const name = clusterName(service, destination);
  const protocol = destination.isHttp2 ? 'http2ProtocolOptions' : 'httpProtocolOptions';
  const explicit = { protocolConfig: { case: protocol, value: {} } } as const;
  const cluster = create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: byThisStream(), serviceName: endpointsName(destination) },
    connectTimeout: durationOf(connectTimeoutMs),
    lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
    ...(limits ? { circuitBreakers: renderLimits(limits) } : {}),
    ...(outlierDetection ? { outlierDetection: renderDetection(outlierDetection) } : {}),
    // gRPC speaks nothing else; Envoy must be told.
    typedExtensionProtocolOptions:
      dialect === 'envoy'
        ? {
            [httpOptions]: packed(HttpProtocolOptionsSchema, {
              upstreamProtocolOptions: { case: 'explicitHttpConfig', value: explicit },
            }),
          }
        : {},
  });
  return { ...resourceOf(ClusterSchema, name, cluster), endpoints: endpointsName(destination) };
}

function renderLimits({
  maxConnections,
  maxRequests,
}: NonNullable<MeshPolicy['limits']>): MessageInitShape<typeof CircuitBreakersSchema> {
  return { thresholds: [{ maxConnections, maxRequests, maxPendingRequests: maxRequests }] };
}

/** By failures of a hundred alone: that is what gRPC (A50) and Envoy both know. */
function renderDetection(
  detection: NonNullable<MeshPolicy['outlierDetection']>,
): MessageInitShape<typeof OutlierDetectionSchema> {
  return {
    interval: durationOf(detection.intervalMs),
    baseEjectionTime: durationOf(detection.ejectionMs),
    maxEjectionPercent: detection.maxEjectionPercent,
    enforcingConsecutive5xx: 0,
    enforcingSuccessRate: 0,
    failurePercentageThreshold: detection.failurePercent,
    enforcingFailurePercentage: 100,
    failurePercentageMinimumHosts: 2,
    failurePercentageRequestVolume: detection.minimumRequests,
  };
}
