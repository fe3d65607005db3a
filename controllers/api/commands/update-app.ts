import { appSource, newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { createOperation, type DataCenterTransaction } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import type { CallContext } from '../context.ts';
import { check } from '@skyarc/lib/input';
import { appSourceOf, type CheckedUpdate, inputs, settingColumns } from '../input.ts';
import type { AppRecord, OperationRecord } from '../records.ts';
import { isTaken } from '../repository.ts';
import { announceOperation, getApp } from './operations.ts';
import { sealCredentials, sealEnv } from './sealing.ts';

/** Writes the change; when the app runs and would run differently, a CONFIGURE operation brings it there. */
export async function updateApp(
  api: Api,
  { id, input }: { readonly id: string; readonly input: unknown },
  context: CallContext,
): Promise<{ app: AppRecord; operation: OperationRecord | null }> {
  const app = await getApp(api, id, context);
  const what = `Cannot change app "${app.name}"`;
  const wanted = check(what, inputs.updateApp, input);
  refuseWorkloadChange(what, app, wanted);
  const write = (tx: DataCenterTransaction) => writeChange(api, what, app, wanted, tx);
  const isRendered = [wanted.run, wanted.env, wanted.ports, wanted.routes].some((part) => part);
  const mustConfigure = isRendered && app.desired === 'RUNNING' && app.currentVersionId !== null;
  try {
    const operation = mustConfigure
      ? await createOperation(api.repository.db, {
          app,
          kind: 'CONFIGURE',
          actor: context.actor,
          also: write,
        })
      : await api.repository.db.$transaction(write).then(() => null);
    if (operation) announceOperation(api, operation);
    else api.changes.announce(app.teamName, { kind: 'app', id, appId: id });
    return { app: await getApp(api, id, context), operation };
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new AppError('CONFLICT', `${what}: one of the routes belongs to another app`, { cause: error });
  }
}

async function writeChange(
  api: Api,
  what: string,
  app: AppRecord,
  wanted: CheckedUpdate,
  tx: DataCenterTransaction,
): Promise<void> {
  const { id } = app;
  const { secretBox } = api;
  if (wanted.env) {
    const rows = sealEnv(secretBox, id, what, wanted.env, await tx.envVar.findMany({ where: { appId: id } }));
    await tx.envVar.deleteMany({ where: { appId: id } });
    await tx.envVar.createMany({ data: rows.map((row) => ({ appId: id, ...row })) });
  }
  if (wanted.ports) await replacePorts(id, wanted.ports, tx);
  if (wanted.routes) await replaceRoutes(api, what, id, wanted.routes, tx);
  if (wanted.ports ?? wanted.routes) await requireRoutedPorts(what, id, tx);
  const stored = appSource.safeParse(JSON.parse(app.source)).data;
  await tx.app.update({
    where: { id, teamName: app.teamName },
    data: {
      groupId: wanted.groupId ?? undefined,
      displayName: wanted.displayName ?? undefined,
      ...(wanted.source
        ? {
            source: JSON.stringify(appSourceOf(wanted.source)),
            sourceSecret: sealCredentials(secretBox, id, wanted.source, {
              sealed: app.sourceSecret,
              url: stored?.kind === 'GIT' ? stored.url : null,
            }),
          }
        : {}),
      ...settingColumns(wanted),
      revision: { increment: 1 },
    },
  });
}

async function replacePorts(
  appId: string,
  wanted: NonNullable<CheckedUpdate['ports']>,
  tx: DataCenterTransaction,
): Promise<void> {
  const before = new Map((await tx.port.findMany({ where: { appId } })).map((row) => [row.port, row]));
  await tx.port.deleteMany({ where: { appId } });
  await tx.port.createMany({
    data: wanted.map(({ port, ...rest }) => {
      const protocol = rest.protocol ?? 'HTTP';
      const isPublic = rest.public ?? true;
      const old = before.get(port);
      // A port that was found stays "found" until somebody changes it.
      const detected =
        old !== undefined && old.detected && old.protocol === protocol && old.public === isPublic;
      return { appId, port, protocol, public: isPublic, detected };
    }),
  });
}

async function replaceRoutes(
  api: Api,
  what: string,
  appId: string,
  wanted: NonNullable<CheckedUpdate['routes']>,
  tx: DataCenterTransaction,
): Promise<void> {
  const { domain, dataCenter } = api.config;
  const ours = wanted.find(({ host }) => host === domain || host.endsWith(`.${domain}`));
  if (ours) {
    throw new AppError(
      'INVALID',
      `${what}: routes: hosts below ${domain} are given by Skyarc; use a domain of your own`,
    );
  }
  const before = await tx.route.findMany({ where: { appId } });
  const idOf = new Map(before.map((row) => [`${row.host}${row.path}`, row.id]));
  await tx.route.deleteMany({ where: { appId } });
  await tx.route.createMany({
    data: wanted.map(({ host, port, ...rest }) => {
      const path = rest.path ?? '/';
      return { id: idOf.get(`${host}${path}`) ?? newId(dataCenter, 'route'), appId, host, path, port };
    }),
  });
}

async function requireRoutedPorts(what: string, appId: string, tx: DataCenterTransaction): Promise<void> {
  const [ports, routes] = await Promise.all([
    tx.port.findMany({ where: { appId } }),
    tx.route.findMany({ where: { appId } }),
  ]);
  const http = new Set(ports.filter((row) => row.protocol === 'HTTP').map((row) => row.port));
  const lost = routes.find((route) => !http.has(route.port));
  if (lost)
    throw new AppError(
      'INVALID',
      `${what}: route ${lost.host}${lost.path} leads to port ${lost.port}, which is no HTTP port of the app`,
    );
}

/** Pods of the two kinds cannot be exchanged without cutting traffic, and their data lies elsewhere. */
function refuseWorkloadChange(what: string, app: AppRecord, { run }: CheckedUpdate): void {
  if (run?.workload && run.workload !== app.workload && app.currentVersionId) {
    throw new AppError(
      'CONFLICT',
      `${what}: the workload cannot change after the first deploy; make a new app`,
    );
  }
}
