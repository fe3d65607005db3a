import {
  routePolicy,
  type RouteMatch as StoredMatch,
  type RoutePolicy as StoredPolicy,
} from '@skyarc/lib/contracts';
import type { RouteRecord } from '@skyarc/prisma/datacenter';
import type { Route, RouteMatch, RoutePolicy, RouteRewrite, RouteSplit } from '../generated/resolvers.ts';

/** What a route's record does not hold. */
export interface RouteFacts {
  /** Text after the host in an address of the gateway, e.g. `:8080`. */
  readonly httpPortSuffix: string;
  readonly httpsPortSuffix: string;
  /** Users of its basic authentication. */
  readonly users: readonly string[];
  /** The app of the team behind a Service; undefined when it is gone. */
  readonly appIdOf: (service: string) => string | undefined;
}

/** A route as its owner sees it: Services are apps again, Secrets are not shown. */
export function presentRoute(route: RouteRecord, facts: RouteFacts): Route {
  const { id, host, path, port, enabled, certificateId } = route;
  const policy = routePolicy.parse(JSON.parse(route.policy));
  const [scheme, suffix] = policy.httpsRedirect
    ? ['https', facts.httpsPortSuffix]
    : ['http', facts.httpPortSuffix];
  return {
    id,
    host,
    path,
    port,
    enabled,
    certificateId,
    url: `${scheme}://${host}${suffix}${policy.pathType === 'REGEX' ? '/' : path}`,
    policy: presentPolicy(policy, facts.appIdOf),
    basicAuthUsers: [...facts.users],
  };
}

function presentPolicy(
  { basicAuth, split, rewrite, balance, maxBodyBytes, match, retries, ...rest }: StoredPolicy,
  appIdOf: RouteFacts['appIdOf'],
): RoutePolicy {
  return {
    ...rest,
    pathType: rest.pathType ?? 'PREFIX',
    match: match && presentMatch(match),
    split: split && presentSplit(split, appIdOf),
    rewrite: rewrite && presentRewrite(rewrite),
    maxBodyBytes: typeof maxBodyBytes === 'number' ? String(maxBodyBytes) : null,
    basicAuthRealm: basicAuth?.realm ?? null,
    balance: { kind: balance.kind, of: balance.kind === 'HASH' ? balance.of : null },
    retries: retries && { ...retries, timeoutMs: retries.timeoutMs ?? null },
  };
}

function presentMatch({ headers, cookies, query, methods }: StoredMatch): RouteMatch {
  return { headers, cookies, query, methods };
}

function presentSplit(
  { targets, sticky }: NonNullable<StoredPolicy['split']>,
  appIdOf: RouteFacts['appIdOf'],
): RouteSplit {
  return {
    targets: targets.flatMap(({ service, port, weight, match }) => {
      const appId = appIdOf(service);
      return appId === undefined ? [] : [{ appId, port, weight, match: match ? presentMatch(match) : null }];
    }),
    sticky:
      sticky?.by === 'COOKIE'
        ? { by: 'COOKIE', cookieName: sticky.name, ttlSeconds: sticky.ttlSeconds ?? null }
        : sticky?.by === 'CLIENT_IP'
          ? { by: 'CLIENT_IP', cookieName: null, ttlSeconds: null }
          : null,
  };
}

function presentRewrite(rewrite: NonNullable<StoredPolicy['rewrite']>): RouteRewrite {
  return rewrite.kind === 'PREFIX'
    ? { kind: 'PREFIX', pattern: null, replacement: rewrite.to }
    : { kind: 'REGEX', pattern: rewrite.pattern, replacement: rewrite.replacement };
}
