import { createHash } from 'node:crypto';
import { routePolicy, type RoutePolicyInput } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';

type Loose = Readonly<Record<string, unknown>>;

/**
 * A policy as it was asked for, in the words of the gateway's contract: apps become their Services, defaults
 * stay away. Throws INVALID that names the field as the API has it; `at` is the way to the policy.
 */
export function toRoutePolicy(
  { what, at }: { readonly what: string; readonly at: string },
  asked: Loose,
  serviceOf: (appId: string) => string | undefined,
): RoutePolicyInput {
  const { split, rewrite, maxBodyBytes, basicAuthRealm, balance, ...rest } = asked;
  const fail = (field: string, message: string): never => {
    throw new AppError('INVALID', `${what}: ${at}.${field}: ${message}`, {
      details: { field: `${at}.${field}` },
    });
  };
  if (typeof maxBodyBytes === 'string' && !/^\d{1,15}$/.test(maxBodyBytes))
    fail('maxBodyBytes', 'is not a number of bytes');
  const policy = {
    ...rest,
    ...(split ? { split: splitOf(split as AskedSplit, serviceOf, fail) } : {}),
    ...(rewrite ? { rewrite: rewriteOf(rewrite as AskedRewrite) } : {}),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes: Number(maxBodyBytes) }),
    // The Secret is named where it is made.
    ...(basicAuthRealm === undefined ? {} : { basicAuth: { secretName: 'auth', realm: basicAuthRealm } }),
    ...(balance ? { balance } : {}),
  };
  const parsed = routePolicy.safeParse(policy);
  if (parsed.success) return policy as RoutePolicyInput;
  const [issue] = parsed.error.issues;
  return fail(askedPath(issue?.path ?? []), issue?.message ?? 'is not a policy');
}

interface AskedSplit {
  readonly targets: readonly (Loose & { readonly appId: string })[];
  readonly sticky?: { readonly by: string; readonly cookieName?: string; readonly ttlSeconds?: number };
}

function splitOf(
  { targets, sticky }: AskedSplit,
  serviceOf: (appId: string) => string | undefined,
  fail: (field: string, message: string) => never,
): object {
  return {
    targets: targets.map(({ appId, ...target }, index) => ({
      ...target,
      service: serviceOf(appId) ?? fail(`split.targets.${index}.appId`, 'the team has no such app'),
    })),
    ...(sticky && sticky.by !== 'NONE' ? { sticky: stickyOf(sticky) } : {}),
  };
}

function stickyOf({ by, cookieName, ttlSeconds }: NonNullable<AskedSplit['sticky']>): object {
  if (by !== 'COOKIE') return { by };
  return { by, ...(cookieName ? { name: cookieName } : {}), ...(ttlSeconds ? { ttlSeconds } : {}) };
}

interface AskedRewrite {
  readonly kind: string;
  readonly pattern?: string;
  readonly replacement: string;
}

function rewriteOf({ kind, pattern, replacement }: AskedRewrite): object {
  return kind === 'PREFIX' ? { kind, to: replacement } : { kind, pattern, replacement };
}

/** Where the API has what the contract has elsewhere. */
function askedPath(path: readonly PropertyKey[]): string {
  return path
    .map(String)
    .join('.')
    .replace(/^rewrite\.to$/, 'rewrite.replacement')
    .replace(/^basicAuth\.realm$/, 'basicAuthRealm')
    .replace(/^split\.sticky\.name$/, 'split.sticky.cookieName')
    .replace(/^(split\.targets\.\d+)\.service$/, '$1.appId');
}

/**
 * What tells two routes of one host and path apart: how the path is read and what a request must bring beside
 * it. Empty for a plain one; the order of conditions does not count.
 */
export function matchDigestOf(policy: RoutePolicyInput): string {
  const { match, pathType } = routePolicy.parse(policy);
  const lists = match ? [match.headers, match.cookies, match.query, match.methods] : [];
  const isPlain = lists.every((list) => list.length === 0) && (pathType ?? 'PREFIX') === 'PREFIX';
  if (isPlain) return '';
  const facts = [
    pathType ?? 'PREFIX',
    ...lists.map((list) => list.map((one) => JSON.stringify(one)).toSorted()),
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 32);
}
