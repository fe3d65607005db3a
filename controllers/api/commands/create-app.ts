import { newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { Api } from '../api.ts';
import { type CallContext, theTeam } from '../context.ts';
import { type CheckedApp, inputs, settingColumns } from '../input/app.ts';
import { appSourceOf, type CheckedSource } from '../input/source.ts';
import { withoutNulls } from '../input/text.ts';
import type { AppRecord } from '../records.ts';
import { isTaken } from '../repository.ts';
import { uploadOf } from '../sources/uploads.ts';
import { requireConsistent } from './consistency.ts';
import { withinQuota } from './quota.ts';
import { sealCredentials, sealEnv } from './sealing.ts';
import { ensureTeam } from './teams.ts';

/** Makes the record; nothing runs until it is deployed. */
export async function createApp(api: Api, input: unknown, context: CallContext): Promise<AppRecord> {
  const team = theTeam(context);
  const named = (input as { name?: unknown }).name;
  const what = `Cannot create app "${String(named).slice(0, 60)}"`;
  const wanted = check(what, inputs.createApp, withoutNulls(input));
  await ensureTeam(api, team);
  const id = newId(api.config.dataCenter, 'app');
  const data = await newAppData(api, { id, team, what }, wanted);
  try {
    const app = await api.repository.db.$transaction((tx) =>
      withinQuota(tx, { team, what }, async () => {
        const made = await tx.app.create({ data });
        await requireConsistent(tx, what, id);
        return made;
      }),
    );
    api.changes.announce(team, { kind: 'app', id, appId: id });
    return app;
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new AppError('CONFLICT', `${what}: name is taken in team "${team}"`, { cause: error });
  }
}

/** Columns of a new app's record, checked and sealed. */
export async function newAppData(
  api: Api,
  { id, team, what }: { readonly id: string; readonly team: string; readonly what: string },
  wanted: CheckedApp,
) {
  // Whoever says that there are none wants none outside, as a service of a Compose file that publishes nothing.
  const isPrivate = wanted.ports?.length === 0;
  return {
    id,
    teamName: team,
    groupId: wanted.groupId,
    name: wanted.name,
    displayName: wanted.displayName ?? wanted.name,
    source: JSON.stringify(appSourceOf(wanted.source, await uploadOf(api, team, what, wanted.source))),
    sourceSecret: sealCredentials(api.secretBox, id, wanted.source, null),
    ...settingColumns(isPrivate ? { ...wanted, build: { ...wanted.build, privatePorts: true } } : wanted),
    env: { create: sealEnv(api.secretBox, id, what, wanted.env ?? [], []) },
    ports: { create: wanted.ports ?? portsOf(wanted.source) },
  };
}

/** A service outside has the ports of its endpoints, for the apps that depend on it. */
function portsOf({ external }: CheckedSource) {
  const ports = new Set(external?.endpoints.map(({ port }) => port));
  return [...ports].map((port) => ({ port, protocol: 'TCP', public: false }));
}
