import { create } from '@bufbuild/protobuf';
import {
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '@skyarc/lib/contracts/generated/envoy/service/discovery/v3/discovery_pb.js';
import type { Response, Session } from './session.ts';
import { type Kind, kindOf, typeUrlOf } from './types.ts';

/** One of the two ways in which the protocol is spoken. */
export interface Variant<Request, Reply> {
  readonly tellsRemoval: (kind: Kind) => boolean;
  /** Takes what the client says; what is due is sent. */
  hear(session: Session, request: Request): void;
  render(response: Response): Reply;
}

/** Kinds that a client can ask for without names, and of which a response is the whole truth. */
function isWhole(kind: Kind): boolean {
  return kind === 'clusters' || kind === 'listeners';
}

/** "State of the world": every response about clusters and listeners is complete. */
export const stateOfTheWorld: Variant<DiscoveryRequest, DiscoveryResponse> = {
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
    if (isFirst && version !== '') subscription.resume(version, session.resources(kind));
    session.settle();
  },
  render: ({ kind, nonce, version, updated, full }) => {
    const typeUrl = typeUrlOf(kind);
    const resources = (isWhole(kind) ? full() : updated).map(({ bytes: value }) => ({ typeUrl, value }));
    return create(DiscoveryResponseSchema, { versionInfo: version, typeUrl, nonce, resources });
  },
};

/** "Delta": responses hold what changed, by resource. */
export const delta: Variant<DeltaDiscoveryRequest, DeltaDiscoveryResponse> = {
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
    return create(DeltaDiscoveryResponseSchema, {
      systemVersionInfo: version,
      typeUrl,
      nonce,
      resources: updated.map(({ name, version: own, bytes: value }) => ({
        name,
        version: own,
        resource: { typeUrl, value },
      })),
      removedResources: [...removed],
    });
  },
};
