import { envScope } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { SecretBox } from '@skyarc/lib/secretbox';
import type { Prisma } from '../generated/datacenter/client.ts';
import { effectiveEnv, type EffectiveVariable, type EnvApp, providedVariables } from './effective-env.ts';
import type { DataCenterTransaction } from './open.ts';

/** What an app's row is read with to know what it tells itself and others. */
export const toldInclude = {
  ports: { orderBy: { port: 'asc' } },
  env: { orderBy: { name: 'asc' } },
  configSets: {
    where: { configSet: { enabled: true } },
    include: { configSet: { include: { entries: { orderBy: { name: 'asc' } } } } },
    orderBy: { configSet: { name: 'asc' } },
  },
} satisfies Prisma.AppInclude;
type ToldApp = Prisma.AppGetPayload<{ include: typeof toldInclude }>;

/**
 * Every variable of an app's pods, opened, by name. `versionId` instead of the app's current version. Throws
 * NOT_FOUND for an app that is gone.
 */
export async function environmentOf(
  db: DataCenterTransaction,
  secretBox: SecretBox,
  appId: string,
  versionId?: string | null,
): Promise<EffectiveVariable[]> {
  const row = await db.app.findUnique({
    where: { id: appId },
    include: {
      ...toldInclude,
      dependencies: {
        where: { to: { deletedAt: null } },
        include: { to: { include: toldInclude } },
        orderBy: { to: { name: 'asc' } },
      },
    },
  });
  if (!row) throw new AppError('NOT_FOUND', `There is no app ${appId}`);
  const wanted = versionId ?? row.currentVersionId;
  const providers = row.dependencies.map(({ to }) => to);
  const ids = [wanted, ...providers.map(({ currentVersionId }) => currentVersionId)];
  const versions = await db.version.findMany({
    where: { id: { in: ids.filter((id) => id !== null) } },
    select: { id: true, number: true },
  });
  const numbers = new Map(versions.map(({ id, number }) => [id, number]));
  return effectiveEnv({
    ...openApp(row, secretBox, numbers.get(wanted ?? '')),
    providers: providers.map((to) => openApp(to, secretBox, numbers.get(to.currentVersionId ?? ''))),
  });
}

/** What the apps that depend on this one are told: host and port of each of its ports, and its connection information. */
export function connectionOf(app: ToldApp, secretBox: SecretBox): EffectiveVariable[] {
  return providedVariables(openApp(app, secretBox));
}

function openApp(row: ToldApp, secretBox: SecretBox, versionNumber: number | null = null): EnvApp {
  return {
    id: row.id,
    name: row.name,
    team: row.teamName,
    ports: row.ports,
    variables: row.env.map(({ name, value, secret, scope }) => ({
      name,
      value: secretBox.open(value, `env:${row.id}:${name}`),
      secret,
      scope: envScope.parse(scope),
    })),
    configSets: row.configSets.map(({ configSet: { id, name, entries } }) => ({
      name,
      variables: entries.map((entry) => ({
        name: entry.name,
        value: secretBox.open(entry.value, `configset:${id}:${entry.name}`),
        secret: entry.secret,
      })),
    })),
    versionNumber,
  };
}
