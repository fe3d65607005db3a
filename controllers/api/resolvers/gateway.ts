import { defaultHostOf, namespaceOf } from '@skyarc/lib/contracts';
import { check } from '@skyarc/lib/input';
import type { Api } from '../api.ts';
import { type CallContext, theTeam } from '../context.ts';
import type { L4Ports, RequestExplanation, RouteTraffic } from '../generated/resolvers.ts';
import { explain as explainInput } from '../input/team.ts';
import { withoutNulls } from '../input/text.ts';
import type { RouteFigures } from '../gateways.ts';
import { keyOf, nextFree } from '../commands/write-l4-routes.ts';
import { presentL4Route } from '../present/parts.ts';
import type { AppRecord } from '../records.ts';

/** Which route would take a request; of other teams' routes nothing is told. */
export async function explainRequest(
  api: Api,
  input: unknown,
  context: CallContext,
): Promise<RequestExplanation> {
  const team = theTeam(context);
  const { method, url, headers, clientIp } = check(
    'Cannot explain the request',
    explainInput,
    withoutNulls(input),
  );
  const { protocol, hostname, pathname, search } = new URL(url);
  const answer = await api.gateways.explain({
    method,
    scheme: protocol === 'https:' ? 'https' : 'http',
    host: hostname,
    path: `${pathname}${search}`,
    headers: Object.fromEntries(headers.map(({ name, value }) => [name.toLowerCase(), value])),
    clientIp,
  });
  const isOwn = (name: string) => name.startsWith(`${namespaceOf(team)}/`);
  const { rule } = answer;
  const nothing = { appId: null, routeId: null, host: null, path: null, targets: [] };
  if (!rule) return { ...nothing, reasons: reasonsOf(answer, isOwn) };
  if (!isOwn(rule.ingress)) return { ...nothing, reasons: ['A route of another team takes it'] };
  const apps = await api.repository.db.app.findMany({
    where: { teamName: team, deletedAt: null },
    include: { routes: { select: { id: true } } },
  });
  const owner = ownerOf(rule.ingress, apps);
  return {
    appId: owner?.app.id ?? null,
    routeId: owner?.routeId ?? null,
    host: rule.host,
    path: rule.path,
    reasons: reasonsOf(answer, isOwn),
    targets: (answer.targets ?? []).map(({ backend, share, endpoints }) => {
      const { service, port } = serviceOf(backend);
      const app =
        apps.find(({ name }) => name === service) ?? apps.find(({ name }) => `${name}-grey` === service);
      const isCandidate = app !== undefined && app.name !== service;
      return {
        appId: app?.id ?? null,
        versionId: (isCandidate ? app.greyVersionId : app?.currentVersionId) ?? null,
        service,
        port,
        percent: Math.round(share * 10_000) / 100,
        endpoints,
      };
    }),
  };
}

function reasonsOf(
  { why, refused, passedOver }: Awaited<ReturnType<Api['gateways']['explain']>>,
  isOwn: (ingress: string) => boolean,
): string[] {
  const skipped = passedOver
    .filter(({ ingress }) => isOwn(ingress))
    .map(({ path, reason }) => `Another route of ${path} does not take it: ${reason}`);
  return [...skipped, why, ...(refused ? [refused] : [])];
}

/** `<namespace>/<service>:<port>`. */
function serviceOf(backend: string): { service: string; port: number } {
  const [, service = backend, port = '0'] = /^[^/]*\/(.*):(\d+)$/.exec(backend) ?? [];
  return { service, port: Number(port) };
}

type RoutedApp = Pick<AppRecord, 'id' | 'name'> & { readonly routes: readonly { readonly id: string }[] };

/** Whose an Ingress is, by the name that the worker gives it: `<app>`, `<app>-p<port>` or `<app>-route-<id>`. */
function ownerOf<App extends RoutedApp>(
  ingress: string,
  apps: readonly App[],
): { app: App; routeId: string | null } | undefined {
  const name = ingress.slice(ingress.indexOf('/') + 1);
  for (const app of apps) {
    const route = app.routes.find(({ id }) => name === `${app.name}-route-${id.split('.').at(-1)}`);
    if (route) return { app, routeId: route.id };
  }
  const app =
    apps.find((one) => one.name === name) ?? apps.find((one) => name.replace(/-p\d+$/, '') === one.name);
  return app && { app, routeId: null };
}

/** What the routes of an app did in the last minute; all gateways together, the slowest one's latencies. */
export async function trafficOf(api: Api, app: AppRecord): Promise<RouteTraffic[]> {
  const [figures, routes, ports] = await Promise.all([
    api.gateways.figuresOf(namespaceOf(app.teamName)),
    api.repository.routesOf(app.id),
    api.repository.portsOf(app.id),
  ]);
  const own = figures.flatMap((one) => {
    const owner = ownerOf(`/${one.ingress}`, [{ ...app, routes }]);
    return owner ? [{ one, routeId: owner.routeId }] : [];
  });
  const byIngress = Map.groupBy(own, ({ one }) => one.ingress);
  const { domain } = api.config;
  return [...byIngress].map(([ingress, group]) => {
    const route = routes.find(({ id }) => id === group[0]?.routeId);
    const named = /-p(\d+)$/.exec(ingress)?.[1];
    const port = ports.find((each) => String(each.port) === named) ?? ports.find((each) => each.public);
    const host = defaultHostOf({ port: port?.port ?? 0, app: app.name, team: app.teamName, domain });
    return {
      host: route?.host ?? host,
      path: route?.path ?? '/',
      routeId: route?.id ?? null,
      ...together(group.map(({ one }) => one)),
    };
  });
}

function together(figures: readonly RouteFigures[]) {
  const sum = (field: 'requestsPerSecond' | 'errorsPerSecond') =>
    figures.reduce((total, one) => total + one[field], 0);
  const most = (field: 'p50Ms' | 'p95Ms' | 'p99Ms') => Math.max(...figures.map((one) => one[field]));
  const requestsPerSecond = sum('requestsPerSecond');
  return {
    requestsPerSecond,
    errorRate: requestsPerSecond > 0 ? sum('errorsPerSecond') / requestsPerSecond : 0,
    p50: most('p50Ms'),
    p95: most('p95Ms'),
    p99: most('p99Ms'),
  };
}

/** The gateway's range, what of it the team has, and what is free. */
export async function readL4Ports({ config, repository }: Api, context: CallContext): Promise<L4Ports> {
  const team = theTeam(context);
  const rows = await repository.db.l4Route.findMany({
    include: { app: { select: { teamName: true } } },
    orderBy: { listenPort: 'asc' },
  });
  const taken = new Set(rows.map(keyOf));
  const range = config.l4Ports;
  return {
    first: range?.first ?? 0,
    last: range?.last ?? 0,
    nextTcp: range ? nextFree(range, 'TCP', taken) : null,
    nextUdp: range ? nextFree(range, 'UDP', taken) : null,
    routes: rows.filter(({ app }) => app.teamName === team).map((row) => presentL4Route(row, config)),
  };
}
