import { type MeshSettings, meshSettings } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { Api } from '../api.ts';
import type { CallContext } from '../context.ts';
import type { MeshInput, MeshRuleInput } from '../generated/resolvers.ts';
import { withoutNulls } from '../input/text.ts';
import type { AppRecord } from '../records.ts';
import { getApp, isExternal } from './operations.ts';
import { invalid } from './refusals.ts';
import { type AppChange, applyChange } from './update-app.ts';

/** Switches an app's mesh on with these rules, or off; what runs is brought there by an operation. */
export async function setMesh(
  api: Api,
  { id, input }: { readonly id: string; readonly input?: MeshInput | null },
  context: CallContext,
): Promise<AppChange> {
  const app = await getApp(api, id, context);
  const what = `Cannot set the mesh of app "${app.name}"`;
  if (isExternal(app)) throw new AppError('INVALID', `${what}: it runs elsewhere`);
  if (input && !api.config.hasMesh) {
    throw new AppError('INVALID', `${what}: this data centre offers no discovery to its pods`);
  }
  const mesh = input ? check(what, meshSettings, withoutNulls(shapeOf(input))) : null;
  // Before the transaction: it would wait for itself where there is one connection (SQLite).
  if (mesh) await requireApps(api, { what, app }, mesh);
  return applyChange(api, context, { app, what, isRendered: true }, async (tx) => {
    await tx.app.update({
      where: { id, teamName: app.teamName },
      data: { mesh: mesh && JSON.stringify(mesh), revision: { increment: 1 } },
    });
  });
}

/** The input's flat rules as they are kept. */
function shapeOf({ rules }: MeshInput): object {
  return {
    rules: rules.map(({ appId, routes, ...policy }: MeshRuleInput) => ({
      appId,
      policy,
      routes: routes ?? [],
    })),
  };
}

/** Rules are for apps that it needs; their targets are apps of the team. */
async function requireApps(
  { repository, runs }: Api,
  { what, app }: { readonly what: string; readonly app: AppRecord },
  { rules }: MeshSettings,
): Promise<void> {
  const needed = new Set((await runs.dependenciesOf(app.id)).map(({ id }) => id));
  const rows = await repository.db.app.findMany({
    where: { teamName: app.teamName, deletedAt: null },
    select: { id: true },
  });
  const ofTeam = new Set(rows.map(({ id }) => id));
  for (const [index, { appId, routes }] of rules.entries()) {
    if (!needed.has(appId)) throw invalid(what, `rules.${index}.appId`, 'the app needs no such app');
    for (const [at, { targets }] of routes.entries()) {
      const lost = targets.findIndex((target) => !ofTeam.has(target.appId));
      const field = `rules.${index}.routes.${at}.targets.${lost}.appId`;
      if (lost >= 0) throw invalid(what, field, 'the team has no such app');
    }
  }
}
