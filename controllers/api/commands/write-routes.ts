import { newId, pathPrefix, pattern, type RoutePolicyInput } from '@skyarc/lib/contracts';
import type { DataCenterTransaction, RouteRecord } from '@skyarc/prisma/datacenter';
import { hash } from 'bcryptjs';
import type { Api } from '../api.ts';
import type { CheckedRoute } from '../input/network.ts';
import { openHtpasswd } from '../present/parts.ts';
import type { AppRecord } from '../records.ts';
import { conflict, invalid } from './refusals.ts';
import { lockGateway } from './locks.ts';
import { matchDigestOf, toRoutePolicy } from './route-policy.ts';

/** 2^8 rounds: some milliseconds of the gateway for each request that brings a password. */
const bcryptCost = 8;

export interface PreparedRoute {
  readonly wanted: CheckedRoute;
  /** Digests by user of the passwords that were given anew. */
  readonly digests: ReadonlyMap<string, string>;
}

/** What takes long is done before the transaction. */
export function prepareRoutes(routes: readonly CheckedRoute[]): Promise<PreparedRoute[]> {
  return Promise.all(
    routes.map(async (wanted) => {
      const given = (wanted.basicAuth ?? []).filter(({ password }) => password !== undefined);
      const digests = given.map(
        async ({ name, password }) => [name, await hash(password ?? '', bcryptCost)] as const,
      );
      return { wanted, digests: new Map(await Promise.all(digests)) };
    }),
  );
}

/** Replaces an app's routes. Throws INVALID and CONFLICT that name the route. */
export async function writeRoutes(
  api: Api,
  { what, app }: { readonly what: string; readonly app: AppRecord },
  routes: readonly PreparedRoute[],
  tx: DataCenterTransaction,
): Promise<void> {
  const { domain, dataCenter } = api.config;
  // Hosts belong to whoever was first: whoever asks for one waits for the others.
  await lockGateway(tx);
  const before = await tx.route.findMany({ where: { appId: app.id } });
  const apps = await tx.app.findMany({
    where: { teamName: app.teamName, deletedAt: null },
    select: { id: true, name: true },
  });
  const serviceOf = (id: string) => apps.find((one) => one.id === id)?.name;
  const rows = routes.map(({ wanted, digests }, index) => {
    const at = `routes.${index}`;
    const policy = toRoutePolicy({ what, at: `${at}.policy` }, wanted.policy ?? {}, serviceOf);
    requirePath({ what, at }, wanted.path, policy);
    if (wanted.host === domain || wanted.host.endsWith(`.${domain}`)) {
      const message = `hosts below ${domain} are given by Skyarc; use a domain of your own`;
      throw invalid(what, `${at}.host`, message);
    }
    const { host, path, port, enabled, certificateId } = wanted;
    const matchDigest = matchDigestOf(policy);
    const old = wanted.id
      ? before.find(({ id }) => id === wanted.id)
      : before.find((row) => row.host === host && row.path === path && row.matchDigest === matchDigest);
    if (wanted.id && !old) throw invalid(what, `${at}.id`, 'the app has no such route');
    const id = old?.id ?? newId(dataCenter, 'route');
    const basicAuth = sealUsers(api, { what, at, id }, wanted, digests, old);
    return {
      id,
      appId: app.id,
      host,
      path,
      port,
      enabled,
      certificateId,
      policy: JSON.stringify(policy),
      matchDigest,
      basicAuth,
    };
  });
  await requireCertificates(what, app, rows, tx);
  await requireFree(what, app, rows, tx);
  await tx.route.deleteMany({ where: { appId: app.id } });
  await tx.route.createMany({ data: rows });
}

/** A path, or for REGEX an expression, of the kind that the gateway can read. */
function requirePath(
  { what, at }: { what: string; at: string },
  path: string,
  policy: RoutePolicyInput,
): void {
  const isPattern = policy.pathType === 'REGEX';
  const parsed = (isPattern ? pattern : pathPrefix).safeParse(path);
  if (!parsed.success) throw invalid(what, `${at}.path`, parsed.error.issues[0]?.message ?? 'is not a path');
  if (isPattern && !path.startsWith('/')) throw invalid(what, `${at}.path`, 'A path begins with "/"');
}

function sealUsers(
  { secretBox }: Api,
  { what, at, id }: { readonly what: string; readonly at: string; readonly id: string },
  { basicAuth }: CheckedRoute,
  digests: ReadonlyMap<string, string>,
  old: RouteRecord | undefined,
): string | null {
  // Not spoken of: as it was. An empty list: open.
  if (!basicAuth) return old?.basicAuth ?? null;
  if (basicAuth.length === 0) return null;
  const known = old ? openHtpasswd(old, secretBox) : new Map<string, string>();
  const lines = basicAuth.map(({ name }, index) => {
    const digest = digests.get(name) ?? known.get(name);
    if (!digest) throw invalid(what, `${at}.basicAuth.${index}.password`, 'A new user needs a password');
    return `${name}:${digest}`;
  });
  return secretBox.seal(lines.join('\n'), `route:${id}`);
}

interface Row {
  readonly host: string;
  readonly path: string;
  readonly matchDigest: string;
  readonly certificateId?: string | undefined;
}

async function requireCertificates(
  what: string,
  { teamName }: AppRecord,
  rows: readonly Row[],
  tx: DataCenterTransaction,
): Promise<void> {
  const ids = rows.flatMap(({ certificateId }) => certificateId ?? []);
  const found = await tx.certificate.findMany({ where: { id: { in: ids }, teamName }, select: { id: true } });
  const known = new Set(found.map(({ id }) => id));
  const lost = rows.findIndex(({ certificateId }) => certificateId && !known.has(certificateId));
  if (lost >= 0) throw invalid(what, `routes.${lost}.certificateId`, 'the team has no such certificate');
}

/** A host belongs to the first team that routes it, and within the team each host, path and condition to one route. */
async function requireFree(
  what: string,
  { id, teamName }: AppRecord,
  rows: readonly Row[],
  tx: DataCenterTransaction,
): Promise<void> {
  if (rows.length === 0) return;
  const others = await tx.route.findMany({
    where: { appId: { not: id }, OR: rows.map(({ host }) => overlapping(host)) },
    include: { app: { select: { name: true, teamName: true } } },
  });
  for (const [index, { host, path, matchDigest }] of rows.entries()) {
    const foreign = others.find((one) => one.app.teamName !== teamName && overlap(one.host, host));
    if (foreign) throw conflict(what, `routes.${index}.host`, `${host} belongs to another team`);
    const twin = others.find(
      (one) => one.host === host && one.path === path && one.matchDigest === matchDigest,
    );
    const same = rows.findIndex(
      (one) => one.host === host && one.path === path && one.matchDigest === matchDigest,
    );
    if (twin) {
      const message = `${host}${path} leads to app "${twin.app.name}" under the same conditions`;
      throw conflict(what, `routes.${index}`, message);
    }
    if (same < index)
      throw invalid(what, `routes.${index}`, `${host}${path} appears twice under the same conditions`);
  }
}

/** Candidates; {@link overlap} decides. */
function overlapping(host: string): { host: string | { in: string[] } | { endsWith: string } } {
  if (host.startsWith('*.')) return { host: { endsWith: host.slice(1) } };
  return { host: { in: [host, `*.${host.slice(host.indexOf('.') + 1)}`] } };
}

/** True when a request could be for both. */
export function overlap(left: string, right: string): boolean {
  return left === right || covers(left, right) || covers(right, left);
}

/** A wildcard stands for one label (networking.k8s.io/v1 IngressRule). */
function covers(wild: string, host: string): boolean {
  return wild.startsWith('*.') && !host.startsWith('*.') && host.slice(host.indexOf('.')) === wild.slice(1);
}
