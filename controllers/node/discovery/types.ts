import type { DescMessage } from '@bufbuild/protobuf';
import { ClusterSchema } from '@skyarc/lib/contracts/generated/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '@skyarc/lib/contracts/generated/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '@skyarc/lib/contracts/generated/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '@skyarc/lib/contracts/generated/envoy/config/route/v3/route_pb.js';

/** The kinds of resources in the order in which they are to arrive: make before break (xDS protocol, "Eventual consistency"). */
export const kinds = ['clusters', 'endpoints', 'listeners', 'routes'] as const;
export type Kind = (typeof kinds)[number];

const schemas: Readonly<Record<Kind, DescMessage>> = {
  clusters: ClusterSchema,
  endpoints: ClusterLoadAssignmentSchema,
  listeners: ListenerSchema,
  routes: RouteConfigurationSchema,
};

export function typeUrlOf(kind: Kind): string {
  return `type.googleapis.com/${schemas[kind].typeName}`;
}

export function kindOf(typeUrl: string): Kind | undefined {
  return kinds.find((kind) => typeUrlOf(kind) === typeUrl);
}

/** A resource ready to be sent. */
export interface Resource {
  readonly name: string;
  /** Digest of the content: equal content has an equal version on every node, also after a restart. */
  readonly version: string;
  /** Of name and content; those of a set are combined by XOR into the version of the set. */
  readonly fingerprint: bigint;
  readonly bytes: Uint8Array;
  /** Of a cluster: the name of its endpoints. */
  readonly endpoints?: string;
  /** Of endpoints: the addresses that it was made of. */
  readonly places?: string;
}

/** What one app's clients are told, by kind and name. */
export type Snapshot = Readonly<Record<Kind, ReadonlyMap<string, Resource>>>;

/** What speaks to us: gRPC's own client asks for listeners by name, Envoy for all. */
export type Dialect = 'grpc' | 'envoy';
