import type { RoutePolicy } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';

export type Ingress = KindTable['ingresses'];
export type IngressClass = KindTable['ingressclasses'];
export type Service = KindTable['services'];
export type EndpointSlice = KindTable['endpointslices'];
export type Secret = KindTable['secrets'];

/** Something in an object that cannot be served; told as an Event, everything else is served. */
export interface Problem {
  readonly object: Ingress | Service;
  readonly kind: 'Ingress' | 'Service';
  readonly reason:
    | 'InvalidHost'
    | 'InvalidPath'
    | 'InvalidPolicy'
    | 'InvalidPort'
    | 'InvalidChallenge'
    | 'Conflict'
    | 'InvalidBackend'
    | 'InvalidCertificate';
  readonly message: string;
}

export type PathType = 'EXACT' | 'PREFIX' | 'REGEX';
export type BackendRef = { name?: string; port?: { name?: string; number?: number } } | undefined;

/** A path of a host that an Ingress asks for. */
export interface Claim {
  /** Lower case; `*.` first for a wildcard; empty for any host. */
  readonly host: string;
  readonly pathType: PathType;
  /** A prefix has no slash at its end; the empty prefix is every path. */
  readonly path: string;
  readonly backend: BackendRef;
  /** Takes what no rule takes; gives way to any rule. */
  readonly isDefault: boolean;
}

/** An Ingress of our class, read and checked. */
export interface Claimant {
  /** `<namespace>/<name>`. */
  readonly key: string;
  readonly ingress: Ingress;
  /** Sorts the oldest first. */
  readonly age: string;
  readonly claims: readonly Claim[];
  /** Null without the annotation; `broken` when it cannot be read: nothing is then served in its name. */
  readonly policy: RoutePolicy | 'broken' | null;
  readonly tls: readonly { readonly secret: string; readonly hosts: readonly string[] }[];
  /** Token to key authorization, answered for every host (RFC 8555, 8.3). */
  readonly challenges: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
}

/** IP address (IPv6 in brackets) and port. */
export type Endpoint = readonly [address: string, port: number];

export interface Certificate {
  /** PEM, leaf first. */
  readonly cert: string;
  readonly key: string;
}
