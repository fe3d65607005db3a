import { type MeshRule, meshSettings, parseStored } from '@skyarc/lib/contracts';
import type { AppRecord, DataCenterDatabase } from '@skyarc/prisma/datacenter';
import { greyName } from './render/grey.ts';

/**
 * What an app's clients are to be told, with apps by the names of their services: one rule for each app that
 * it needs. Null while the mesh is off. What names an app that is gone is left out.
 */
export async function readMesh(
  db: DataCenterDatabase,
  app: AppRecord,
): Promise<{ readonly rules: readonly MeshRule[] } | null> {
  if (app.mesh === null) return null;
  const set = parseStored(meshSettings, app.mesh)?.rules ?? [];
  const needed = await db.dependency.findMany({
    where: { fromId: app.id },
    include: { to: { select: { id: true, name: true, ports: true } } },
  });
  const others = set.flatMap(({ routes }) =>
    routes.flatMap(({ targets }) => targets.map((one) => one.appId)),
  );
  const rows = await db.app.findMany({
    where: { teamName: app.teamName, id: { in: others }, deletedAt: null },
    select: { id: true, name: true },
  });
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  const rules = needed.map(({ to }): MeshRule => {
    const rule = set.find(({ appId }) => appId === to.id);
    const http2Ports = to.ports.filter(({ protocol }) => protocol === 'GRPC').map(({ port }) => port);
    const routes = (rule?.routes ?? []).map(({ headers, targets }) => ({
      headers,
      targets: targets.flatMap(({ appId, candidate, instance, weight }) => {
        const name = names.get(appId);
        return name ? [{ service: candidate ? greyName({ name }) : name, instance, weight }] : [];
      }),
    }));
    return {
      service: to.name,
      http2Ports: http2Ports.toSorted((left, right) => left - right),
      policy: rule?.policy ?? {},
      routes: routes.filter(({ targets }) => targets.some(({ weight }) => weight > 0)),
    };
  });
  return { rules: rules.toSorted((left, right) => (left.service < right.service ? -1 : 1)) };
}
