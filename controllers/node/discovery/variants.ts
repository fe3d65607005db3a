import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryResponseSchema,
  type DiscoveryRequest,
  DiscoveryResponseSchema,
} from '@skyarc/lib/contracts/generated/envoy/service/discovery/v3/discovery_pb.js';
import type { Response, Session } from './session.ts';
import { type Kind, kindOf, type Resource, typeUrlOf } from './types.ts';

/** One of the two ways in which the protocol is spoken. */
export interface Variant<Request> {
  readonly tellsRemoval: (kind: Kind) => boolean;
  /** Takes what the client says; what is due is sent. */
  hear(session: Session, request: Request): void;
  /** A response in parts: messages of protobuf one after the other are the whole of them. */
  render(response: Response): readonly Uint8Array[];
}

/** Kinds that a client can ask for without names, and of which a response is the whole truth. */
function isWhole(kind: Kind): boolean {
  return kind === 'clusters' || kind === 'listeners';
}

const whole = (init: MessageInitShape<typeof DiscoveryResponseSchema>): Uint8Array =>
  toBinary(DiscoveryResponseSchema, create(DiscoveryResponseSchema, init));
const wholePart = onceEach(({ bytes: value }, typeUrl) => whole({ resources: [{ typeUrl, value }] }));
/** "State of the world": every response about clusters and listeners is complete. */
export const stateOfTheWorld: Variant<DiscoveryRequest> = {
  tellsRemoval: isWhole,
  hear(session, request) {
    const kind = kindOf(request.typeUrl);
    if (!kind) return;
    const isFirst = session.find(kind) === undefined;
    const subscription = session.open(kind);
    const { responseNonce: nonce, versionInfo: version, errorDetail } = request;
    if (!session.hear(subscription, { nonce, version, refusal: errorDetail?.message })) return;
    const names = new Set(request.resourceNames);
    const isWildcard =
      names.delete('*') || (isWhole(kind) && names.size === 0 && (isFirst || subscription.isWildcard));
    if (isWildcard !== subscription.isWildcard) {
      subscription.isWildcard = isWildcard;
      subscription.doubt(null);
    }
    for (const name of subscription.names) if (!names.has(name)) subscription.forget(name);
    for (const name of names) if (!subscription.names.has(name)) subscription.ask(name);
    // Who asks by name may have dropped the resource and kept the version: gRPC does when it stops calling a service.
    if (isFirst && isWildcard && version !== '') subscription.resume(version, session.resources(kind));
    session.settle();
  },
  render: ({ kind, nonce, version, updated, full }) => {
    const typeUrl = typeUrlOf(kind);
    const resources = isWhole(kind) ? full() : updated;
    return [
      ...resources.map((resource) => wholePart(resource, typeUrl)),
      whole({ versionInfo: version, typeUrl, nonce }),
    ];
  },
};

const change = (init: MessageInitShape<typeof DeltaDiscoveryResponseSchema>): Uint8Array =>
  toBinary(DeltaDiscoveryResponseSchema, create(DeltaDiscoveryResponseSchema, init));
const changePart = onceEach(({ name, version, bytes: value }, typeUrl) =>
  change({ resources: [{ name, version, resource: { typeUrl, value } }] }),
);
/** "Delta": responses hold what changed, by resource. */
export const delta: Variant<DeltaDiscoveryRequest> = {
  tellsRemoval: () => true,
  hear(session, request) {
    const kind = kindOf(request.typeUrl);
    if (!kind) return;
    const isFirst = session.find(kind) === undefined;
    const subscription = session.open(kind);
    const { responseNonce: nonce, errorDetail, resourceNamesSubscribe: asked } = request;
    // What it asks for counts, whichever response it answers.
    session.hear(subscription, { nonce, version: subscription.version, refusal: errorDetail?.message });
    if (asked.includes('*') || (isFirst && isWhole(kind) && asked.length === 0)) {
      subscription.isWildcard = true;
      subscription.doubt(null);
    }
    for (const name of asked) if (name !== '*') subscription.ask(name);
    for (const name of request.resourceNamesUnsubscribe) {
      if (name === '*') subscription.isWildcard = false;
      else subscription.forget(name);
    }
    if (isFirst) subscription.assume(request.initialResourceVersions, session.resources(kind));
    session.settle();
  },
  render: ({ kind, nonce, version, updated, removed }) => {
    const typeUrl = typeUrlOf(kind);
    return [
      ...updated.map((resource) => changePart(resource, typeUrl)),
      change({ systemVersionInfo: version, typeUrl, nonce, removedResources: [...removed] }),
    ];
  },
};

/** Encodes a resource for the first stream that it goes to, and not again for the others. */
function onceEach(
  encode: (resource: Resource, typeUrl: string) => Uint8Array,
): (resource: Resource, typeUrl: string) => Uint8Array {
  const known = new WeakMap<Resource, Uint8Array>();
  return (resource, typeUrl) => {
    const found = known.get(resource) ?? encode(resource, typeUrl);
    known.set(resource, found);
    return found;
  };
}
