import type { DataCenterTransaction } from '@skyarc/prisma/datacenter';
import type { AppRecord } from '../records.ts';
import { invalid } from './refusals.ts';

/** Replaces the apps that an app needs. Throws INVALID for one of another team and for a circle, which it names. */
export async function writeDependencies(
  what: string,
  app: AppRecord,
  wanted: readonly string[],
  tx: DataCenterTransaction,
): Promise<void> {
  const apps = await tx.app.findMany({
    where: { teamName: app.teamName, deletedAt: null },
    select: { id: true, name: true, dependencies: { select: { toId: true } } },
  });
  const names = new Map(apps.map(({ id, name }) => [id, name]));
  const lost = wanted.findIndex((id) => !names.has(id));
  if (lost >= 0) throw invalid(what, `dependencyIds.${lost}`, 'the team has no such app');
  const needs = new Map(apps.map(({ id, dependencies }) => [id, dependencies.map(({ toId }) => toId)]));
  needs.set(app.id, [...wanted]);
  const circle = circleFrom(app.id, needs);
  if (circle) {
    const way = circle.map((id) => names.get(id) ?? id).join(' -> ');
    throw invalid(what, 'dependencyIds', `apps would wait for each other: ${way}`);
  }
  await tx.dependency.deleteMany({ where: { fromId: app.id } });
  await tx.dependency.createMany({ data: wanted.map((toId) => ({ fromId: app.id, toId })) });
}

/** A way from an app back to itself, both ends included; null when there is none. */
export function circleFrom(start: string, needs: ReadonlyMap<string, readonly string[]>): string[] | null {
  const seen = new Set<string>();
  const visit = (id: string, way: readonly string[]): string[] | null => {
    for (const next of needs.get(id) ?? []) {
      if (next === start) return [...way, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = visit(next, [...way, next]);
      if (found) return found;
    }
    return null;
  };
  return visit(start, [start]);
}

/** The ids in an order in which each comes after all that it needs of them; equal ones keep their order. */
export function inStartOrder(
  ids: readonly string[],
  needs: ReadonlyMap<string, readonly string[]>,
): string[] {
  const wanted = new Set(ids);
  const done = new Set<string>();
  const visit = (id: string): void => {
    if (done.has(id) || !wanted.has(id)) return;
    done.add(id);
    for (const next of needs.get(id) ?? []) visit(next);
    order.push(id);
  };
  const order: string[] = [];
  for (const id of ids) visit(id);
  return order;
}
