import type { KindTable } from '@skyarc/lib/kube';

type Ingress = KindTable['ingresses'];

/** The cluster objects that a gateway reads, as its informers hold them. */
export interface GatewayObjects {
  readonly ingresses: readonly Ingress[];
  readonly ingressClasses: readonly KindTable['ingressclasses'][];
  readonly services: readonly KindTable['services'][];
  readonly endpointSlices: readonly KindTable['endpointslices'][];
  readonly secrets: readonly KindTable['secrets'][];
}

/** Something in an Ingress that cannot be served; told as an Event, everything else is served. */
export interface Problem {
  readonly ingress: Ingress;
  readonly reason: 'InvalidHost' | 'InvalidPath' | 'Conflict' | 'InvalidBackend' | 'InvalidCertificate';
  readonly message: string;
}

export interface Route {
  /** Lower case; `*.` first for a wildcard; empty for any host. */
  readonly host: string;
  readonly match: 'exact' | 'prefix';
  /** A prefix has no slash at its end; the empty prefix is every path. */
  readonly path: string;
  /** Key of the backend: `<namespace>/<service>:<port>`. */
  readonly backend: string;
}

/** IP address (IPv6 in brackets) and port. */
export type Endpoint = readonly [address: string, port: number];

export interface Backend {
  /** Those that take new requests. */
  readonly endpoints: readonly Endpoint[];
  /**
   * The service's cluster address, tried when every endpoint known here refuses: while the controller is away
   * the cluster goes on replacing pods, and its own balancing knows the new ones. Null for headless services.
   */
  readonly service: Endpoint | null;
}

export interface Certificate {
  /** PEM, leaf first. */
  readonly cert: string;
  readonly key: string;
}

export interface GatewayModel {
  readonly ingresses: readonly Ingress[];
  readonly routes: readonly Route[];
  readonly backends: ReadonlyMap<string, Backend>;
  /** By host name or wildcard. */
  readonly certificates: ReadonlyMap<string, Certificate>;
  readonly problems: readonly Problem[];
}
