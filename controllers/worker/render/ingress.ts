import {
  defaultHostOf,
  htpasswdSecretKey,
  htpasswdSecretType,
  labels,
  routeAnnotation,
  type RoutePolicyInput,
} from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { withGrey } from './grey.ts';
import { labelsOf } from './labels.ts';
import {
  isJob,
  mainPortOf,
  type PortSpec,
  type RenderOptions,
  type RouteSpec,
  type NetworkSpec,
} from './run-spec.ts';

type Ingress = KindTable['ingresses'];

interface Place {
  readonly name: string;
  readonly rules: readonly { readonly host: string; readonly path: string }[];
  readonly port: PortSpec;
  readonly policy: RoutePolicyInput;
  readonly labels?: Record<string, string>;
}

/**
 * The default hosts of public HTTP ports, in one Ingress where the gateway is told the same of all, and an
 * Ingress for each route that a person made. `spec.tls` is left to the keeper of certificates.
 */
export function renderIngresses(spec: NetworkSpec, options: RenderOptions): Ingress[] {
  if (isJob(spec)) return [];
  const ports = new Map(spec.ports.filter(isRouted).map((port) => [port.port, port]));
  const routes = spec.routes.flatMap((route): Place[] => {
    const port = ports.get(route.port);
    return port ? [placeOf(spec, route, port)] : [];
  });
  // Routes first: a host that changes its Ingress is in the new one before it leaves the old.
  return [...routes.map((place) => renderPlace(spec, options, place)), ...defaultIngresses(spec, options)];
}

/** A Secret with the users of each route that asks for a password; another content keeps its name. */
export function renderAuthSecrets(spec: NetworkSpec): KindTable['secrets'][] {
  return spec.routes.flatMap((route) =>
    route.basicAuth === null
      ? []
      : [
          {
            metadata: { name: authName(spec, route), namespace: spec.namespace, labels: labelsOf(spec) },
            type: htpasswdSecretType,
            data: { [htpasswdSecretKey]: Buffer.from(route.basicAuth).toString('base64') },
          },
        ],
  );
}

/** The main port's hosts are in `<app>`; ports of which the gateway is told something else in `<app>-p<port>`, made before. */
function defaultIngresses(spec: NetworkSpec, options: RenderOptions): Ingress[] {
  const { name: app, team } = spec;
  const main = mainPortOf(spec);
  const rendered = spec.ports
    .filter((port) => port.public && isRouted(port))
    .map((port) => {
      const host = defaultHostOf({ port: port.port, app, team, domain: options.domain });
      const name = port === main ? app : `${app}-p${port.port}`;
      return renderPlace(spec, options, { name, rules: [{ host, path: '/' }], port, policy: {} });
    });
  const first = rendered.find(({ metadata }) => metadata?.name === app) ?? rendered[0];
  const isAlike = (one: Ingress) => policyIn(one) === (first && policyIn(first));
  if (!first) return [];
  const together = rendered.filter(isAlike).flatMap(({ spec: one }) => one?.rules ?? []);
  const rest = rendered.filter((one) => !isAlike(one));
  return [...rest, { ...first, spec: { ...first.spec, rules: together } }];
}

function placeOf(spec: NetworkSpec, route: RouteSpec, port: PortSpec): Place {
  const { basicAuth, ...policy } = route.policy;
  const secretName = authName(spec, route);
  return {
    name: routeName(spec, route),
    rules: [route],
    port,
    policy: route.basicAuth === null ? policy : { ...policy, basicAuth: { ...basicAuth, secretName } },
    labels: {
      [labels.routeId]: route.id,
      ...(route.certificateId ? { [labels.certificateId]: route.certificateId } : {}),
    },
  };
}

function renderPlace(spec: NetworkSpec, options: RenderOptions, place: Place): Ingress {
  const { port } = place;
  const isPlain = (place.policy.protocol ?? 'HTTP') === 'HTTP';
  const policy = withGrey(
    port.protocol === 'GRPC' && isPlain ? { ...place.policy, protocol: 'GRPC' } : place.policy,
    spec,
    port.port,
  );
  const text = JSON.stringify(policy);
  return {
    metadata: {
      name: place.name,
      namespace: spec.namespace,
      labels: { ...labelsOf(spec), ...place.labels },
      ...(text === '{}' ? {} : { annotations: { [routeAnnotation]: text } }),
    },
    spec: {
      ingressClassName: options.ingressClass,
      rules: place.rules.map(({ host, path }) => ({
        host,
        http: {
          paths: [
            {
              path,
              pathType: pathTypes[policy.pathType ?? 'PREFIX'],
              backend: { service: { name: spec.name, port: { number: port.port } } },
            },
          ],
        },
      })),
    },
  };
}

const pathTypes = { PREFIX: 'Prefix', EXACT: 'Exact', REGEX: 'ImplementationSpecific' } as const;

function policyIn({ metadata }: Ingress): string | undefined {
  return metadata?.annotations?.[routeAnnotation];
}

/** Routed by host and path. */
function isRouted({ protocol }: PortSpec): boolean {
  return protocol === 'HTTP' || protocol === 'GRPC';
}

function routeName(spec: NetworkSpec, { id }: RouteSpec): string {
  return `${spec.name}-route-${id.split('.').at(-1)}`;
}

function authName(spec: NetworkSpec, route: RouteSpec): string {
  return `${routeName(spec, route)}-auth`;
}
