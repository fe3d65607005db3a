import { htpasswdSecretKey, htpasswdSecretType, type RoutePolicy } from '@skyarc/lib/contracts';
import type { GatewaySettings } from '../config.ts';
import type { Claimant, Problem, Secret } from './model.ts';
import { bodyLaneName, laneName } from './nginx-lanes.ts';

type PolicySettings = Pick<GatewaySettings, 'maxBodyBytes' | 'httpsPort' | 'publicHttpsPort'>;

/** What the rendering of a policy looks up; each look makes it depend on what it found. */
export interface PolicyLookup {
  /** Key of the backend of a Service's port, or why there is none. */
  backendOf(service: string, port: number): { key: string } | string;
  secretOf(name: string): Secret | undefined;
}

/** The policy of an Ingress for policy.lua; what cannot be applied safely makes it broken, and is reported. */
export function renderPolicy(
  { policy, ingress }: Claimant,
  settings: PolicySettings,
  lookup: PolicyLookup,
): { value: string; problems: Problem[] } {
  const problems: Problem[] = [];
  const report = (reason: Problem['reason'], message: string) =>
    problems.push({ object: ingress, kind: 'Ingress', reason, message });
  if (policy === null || policy === 'broken') return { value: '{"broken":true}', problems };
  const auth = policy.basicAuth && readUsers(lookup.secretOf(policy.basicAuth.secretName));
  if (typeof auth === 'string') {
    report('InvalidPolicy', `basicAuth: secret "${policy.basicAuth?.secretName}" ${auth}`);
    return { value: '{"broken":true}', problems };
  }
  const targets = policy.split?.targets.flatMap(({ service, port, ...target }) => {
    const backend = lookup.backendOf(service, port);
    if (typeof backend !== 'string') return [{ backend: backend.key, ...target }];
    report('InvalidBackend', `split: a target leads nowhere, others take its share: ${backend}`);
    return [];
  });
  const maxBodyBytes = policy.maxBodyBytes ?? settings.maxBodyBytes;
  const rendered = {
    ...policy,
    pathType: undefined,
    match: policy.match,
    split: targets?.length ? { targets, sticky: policy.split?.sticky } : undefined,
    cors: policy.cors && corsOf(policy.cors),
    hsts: policy.hsts && hstsOf(policy.hsts),
    basicAuth: undefined,
    auth: auth && { realm: policy.basicAuth?.realm, users: auth },
    retries: policy.retries && {
      ...policy.retries,
      on: Object.fromEntries(policy.retries.on.map((kind) => [kind, true])),
    },
    httpsPort: policy.httpsRedirect ? (settings.publicHttpsPort ?? settings.httpsPort) : undefined,
    ...limitOf(policy, maxBodyBytes),
    buffering: undefined,
    gatherBody: policy.buffering?.request && !policy.protocol.startsWith('GRPC'),
    lane: laneOf(policy),
  };
  return { value: JSON.stringify(rendered, withoutNothing), problems };
}

function laneOf({ protocol, buffering, retries }: RoutePolicy): string {
  return laneName({
    protocol,
    bufferResponse: buffering?.response ?? false,
    retry5xx: retries?.on.includes('HTTP_5XX') ?? false,
  });
}

/** A gRPC stream has no end to wait for, so that its size cannot be known before it is passed on. */
function limitOf({ protocol }: RoutePolicy, bytes: number): object {
  const counts = bytes > 0 && !protocol.startsWith('GRPC');
  return { maxBodyBytes: counts ? bytes : undefined, bodyLane: counts ? bodyLaneName(bytes) : undefined };
}

function hstsOf({ maxAgeSeconds, includeSubDomains, preload }: NonNullable<RoutePolicy['hsts']>): string {
  return `max-age=${maxAgeSeconds}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`;
}

/** Origins with a wildcard become patterns. */
function corsOf(cors: NonNullable<RoutePolicy['cors']>): object {
  const wild = cors.origins.filter((origin) => origin.includes('//*.'));
  const patterns = wild.map((origin) =>
    origin.replaceAll('.', String.raw`\.`).replace('*', '[a-z0-9-]+(?:[.][a-z0-9-]+)*'),
  );
  return {
    ...cors,
    origins: cors.origins.filter((origin) => !wild.includes(origin)),
    originPatterns: [...cors.originPatterns, ...patterns],
  };
}

/** Users of a htpasswd Secret with their hashes; a text says why it cannot be used. */
function readUsers(secret: Secret | undefined): Record<string, string> | string {
  if (!secret) return `does not exist, or is not of type ${htpasswdSecretType}`;
  const text = Buffer.from(secret.data?.[htpasswdSecretKey] ?? '', 'base64').toString('utf8');
  const users: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const plain = line.trim();
    if (!plain || plain.startsWith('#')) continue;
    const [, user, hash] = /^([^:\s]{1,128}):(\S{1,256})$/.exec(plain) ?? [];
    if (!user || !hash) return `has a line under "${htpasswdSecretKey}" that is not user:hash`;
    if (!/^\$(2[aby]\$(0[4-9]|1[0-2])\$|5\$|6\$|apr1\$)/.test(hash))
      return `has a hash for "${user}" that is not bcrypt (cost 4 to 12), $5$, $6$ or $apr1$`;
    if (Number(/\$rounds=(\d+)/.exec(hash)?.[1] ?? 0) > 100_000)
      return `has a hash for "${user}" of more than 100000 rounds`;
    users[user] = hash;
  }
  return Object.keys(users).length > 0 ? users : `has no users under "${htpasswdSecretKey}"`;
}

/** Leaves out what says nothing: nulls, false and empty lists. */
function withoutNothing(_key: string, value: unknown): unknown {
  return value === null || value === false || (Array.isArray(value) && value.length === 0)
    ? undefined
    : value;
}
