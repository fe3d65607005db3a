import { newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { Api } from '../api.ts';
import { type CallContext, theTeam } from '../context.ts';
import { check } from '@skyarc/lib/input';
import { appSourceOf, inputs, settingColumns } from '../input.ts';
import type { AppRecord } from '../records.ts';
import { isTaken } from '../repository.ts';
import { sealCredentials, sealEnv } from './sealing.ts';
import { ensureTeam } from './teams.ts';

/** Makes the record; nothing runs until it is deployed. */
export async function createApp(api: Api, input: unknown, context: CallContext): Promise<AppRecord> {
  const team = theTeam(context);
  const named = (input as { name?: unknown }).name;
  const what = `Cannot create app "${String(named).slice(0, 60)}"`;
  const wanted = check(what, inputs.createApp, input);
  await ensureTeam(api, team);
  const id = newId(api.config.dataCenter, 'app');
  try {
    const app = await api.repository.db.app.create({
      data: {
        id,
        teamName: team,
        groupId: wanted.groupId,
        name: wanted.name,
        displayName: wanted.displayName ?? wanted.name,
        source: JSON.stringify(appSourceOf(wanted.source)),
        sourceSecret: sealCredentials(api.secretBox, id, wanted.source, null),
        ...settingColumns(wanted),
        env: { create: sealEnv(api.secretBox, id, what, wanted.env ?? [], []) },
        ports: {
          create: (wanted.ports ?? []).map((port) => ({
            port: port.port,
            protocol: port.protocol ?? 'HTTP',
            public: port.public ?? true,
          })),
        },
      },
    });
    api.changes.announce(team, { kind: 'app', id, appId: id });
    return app;
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new AppError('CONFLICT', `${what}: name is taken in team "${team}"`, { cause: error });
  }
}
