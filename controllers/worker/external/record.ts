import { appSource, type ExternalService } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { SecretBox } from '@skyarc/lib/secretbox';
import type { AppRecord, DataCenterPrisma, DataCenterTransaction } from '@skyarc/prisma/datacenter';
import type { NetworkSpec, PortSpec } from '../render/run-spec.ts';
import { l4PortOf, routeOf } from '../route-record.ts';

/** A third-party app: what stands for it in the cluster, and where it is. */
export interface ExternalSpec extends NetworkSpec {
  readonly service: ExternalService;
}

const include = {
  team: true,
  ports: { orderBy: { port: 'asc' } },
  routes: { where: { enabled: true }, orderBy: [{ host: 'asc' }, { path: 'asc' }, { id: 'asc' }] },
  l4Routes: { orderBy: [{ protocol: 'asc' }, { listenPort: 'asc' }] },
} satisfies DataCenterPrisma.AppInclude;
type Row = DataCenterPrisma.AppGetPayload<{ include: typeof include }>;

/** Selects the records of third-party apps. */
export const isExternalRecord = {
  source: { contains: '"EXTERNAL"' },
} satisfies DataCenterPrisma.AppWhereInput;

/** Where a third-party app is; null for one that runs here. */
export function externalServiceOf({ source }: Pick<AppRecord, 'source'>): ExternalService | null {
  const found = appSource.safeParse(JSON.parse(source)).data;
  return found?.kind === 'EXTERNAL' ? found : null;
}

/** Throws NOT_FOUND for an app that is gone or runs here. */
export async function readExternalSpec(
  db: DataCenterTransaction,
  secretBox: SecretBox,
  appId: string,
): Promise<ExternalSpec> {
  const row = await db.app.findUnique({ where: { id: appId }, include });
  const service = row && externalServiceOf(row);
  if (!row || !service) throw new AppError('NOT_FOUND', `There is no third-party app ${appId}`);
  return specOf(row, service, secretBox);
}

/** All that are to be reached now. */
export async function readRunningExternals(
  db: DataCenterTransaction,
  secretBox: SecretBox,
): Promise<ExternalSpec[]> {
  const rows = await db.app.findMany({
    where: { ...isExternalRecord, desired: 'RUNNING', deletedAt: null },
    include,
  });
  return rows.flatMap((row) => {
    const service = externalServiceOf(row);
    return service ? [specOf(row, service, secretBox)] : [];
  });
}

function specOf(row: Row, service: ExternalService, secretBox: SecretBox): ExternalSpec {
  return {
    id: row.id,
    name: row.name,
    team: row.teamName,
    namespace: row.team.namespace,
    workload: 'STATELESS',
    ports: portsOf(row, service),
    routes: row.routes.map((route) => routeOf(route, secretBox)),
    l4: row.l4Routes.map(l4PortOf),
    grey: null,
    service,
  };
}

/** Its own ports, else those of its endpoints. */
function portsOf(row: Row, { endpoints }: ExternalService): PortSpec[] {
  if (row.ports.length > 0) {
    return row.ports.map(({ port, protocol, public: isPublic }) => ({
      port,
      protocol: protocol as PortSpec['protocol'],
      public: isPublic,
    }));
  }
  const ports = [...new Set(endpoints.map(({ port }) => port))].toSorted((a, b) => a - b);
  return ports.map((port) => ({ port, protocol: 'TCP', public: false }));
}
