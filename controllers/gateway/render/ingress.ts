import {
  acmeAnnotation,
  acmeChallenges,
  pattern,
  routeAnnotation,
  routePolicy,
  type RoutePolicy,
} from '@skyarc/lib/contracts';
import { keyOf } from '@skyarc/lib/kube';
import type { Claim, Claimant, Ingress, PathType, Problem } from './model.ts';

/** What an Ingress asks for (networking.k8s.io/v1): ImplementationSpecific paths are prefixes, unless its policy says. */
export function readIngress(ingress: Ingress): Claimant {
  const problems: Problem[] = [];
  const report = (reason: Problem['reason'], message: string) =>
    problems.push({ object: ingress, kind: 'Ingress', reason, message });
  const policy = readPolicy(ingress, report);
  const claims: Claim[] = [];
  for (const rule of ingress.spec?.rules ?? []) {
    const host = rule.host ?? '';
    if (!isHost(host)) {
      report('InvalidHost', `"${host}" is not a host name`);
      continue;
    }
    for (const { path = '/', pathType, backend } of rule.http?.paths ?? []) {
      const type = (policy !== 'broken' && policy?.pathType) || (pathType === 'Exact' ? 'EXACT' : 'PREFIX');
      const problem = problemOfPath(path, type);
      if (problem) {
        report('InvalidPath', `"${path}" of host "${host}" ${problem}`);
        continue;
      }
      const served = type === 'PREFIX' ? path.replace(/\/+$/, '') : path;
      claims.push({ host, pathType: type, path: served, backend: backend.service, isDefault: false });
    }
  }
  const fallback = ingress.spec?.defaultBackend?.service;
  if (fallback) claims.push({ host: '', pathType: 'PREFIX', path: '', backend: fallback, isDefault: true });
  const { creationTimestamp, namespace, name } = ingress.metadata ?? {};
  return {
    key: keyOf(ingress),
    ingress,
    age: `${creationTimestamp ?? ''} ${namespace ?? ''}/${name ?? ''}`,
    claims,
    policy,
    tls: readTls(ingress),
    challenges: readChallenges(ingress, report),
    problems,
  };
}

function readTls(ingress: Ingress): Claimant['tls'] {
  const ruleHosts = (ingress.spec?.rules ?? []).map((rule) => rule.host ?? '');
  return (ingress.spec?.tls ?? []).flatMap(({ secretName, hosts }) =>
    secretName
      ? [
          {
            secret: `${ingress.metadata?.namespace}/${secretName}`,
            hosts: (hosts?.length ? hosts : ruleHosts).filter((host) => host && isHost(host)),
          },
        ]
      : [],
  );
}

function readChallenges(
  ingress: Ingress,
  report: (reason: 'InvalidChallenge', message: string) => void,
): Claimant['challenges'] {
  const text = ingress.metadata?.annotations?.[acmeAnnotation];
  if (text === undefined) return {};
  const parsed = acmeChallenges.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  report('InvalidChallenge', `${acmeAnnotation} is not tokens with key authorizations`);
  return {};
}

function readPolicy(
  ingress: Ingress,
  report: (reason: 'InvalidPolicy', message: string) => void,
): RoutePolicy | 'broken' | null {
  const text = ingress.metadata?.annotations?.[routeAnnotation];
  if (text === undefined) return null;
  const parsed = routePolicy.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const reasons = parsed.error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.length ? `${path.join('.')}: ` : ''}${message}`);
  report('InvalidPolicy', `${routeAnnotation} cannot be read: ${reasons.join('; ')}`.slice(0, 1_000));
  return 'broken';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** RFC 1123 subdomain, `*.` and one, or nothing for any host. */
function isHost(host: string): boolean {
  return (
    host.length <= 253 &&
    /^((\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*)?$/.test(host)
  );
}

/** A path is absolute and as nginx would normalise it: without `//`, `/./`, `/../`, escapes of those, or controls. */
function problemOfPath(path: string, type: PathType): string | null {
  if (type === 'REGEX') return pattern.safeParse(path).error?.issues[0]?.message ?? null;
  const isPath =
    path.length <= 2_048 && /^\/[^\s\p{Cc}?#]*$/u.test(path) && !/\/\/|\/\.{1,2}(\/|$)|%2f/i.test(path);
  return isPath ? null : 'is not an absolute, normal URL path';
}
