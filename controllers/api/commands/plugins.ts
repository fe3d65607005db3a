import { newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { Api } from '../api.ts';
import { type CallContext, theTeam } from '../context.ts';
import type { Plugin } from '../generated/resolvers.ts';
import { plugin as pluginInput } from '../input/team.ts';
import { withoutNulls } from '../input/text.ts';
import { presentPlugin } from '../present/team.ts';
import { isTaken } from '../repository.ts';
import { withUse } from '../run-repository.ts';
import { invalid } from './refusals.ts';
import { ensureTeam } from './teams.ts';

/** Makes a plug-in with its first version, or gives an existing one a new version; apps keep the one they chose. */
export async function savePlugin(api: Api, input: unknown, context: CallContext): Promise<Plugin> {
  const teamName = theTeam(context);
  const what = `Cannot save plug-in "${String((input as { name?: unknown }).name).slice(0, 60)}"`;
  const wanted = check(what, pluginInput, withoutNulls(input));
  await ensureTeam(api, teamName);
  const id = wanted.id ?? newId(api.config.dataCenter, 'plugin');
  const { name, kind, description } = wanted;
  try {
    const row = await api.repository.db.$transaction(async (tx) => {
      // Touched first: two at once must not both take the same number.
      const { count } = await tx.plugin.updateMany({ where: { id, teamName }, data: { name, description } });
      if (wanted.id && count === 0) throw invalid(what, 'id', 'the team has no such plug-in');
      const before = await tx.plugin.findUnique({ where: { id } });
      if (before && before.kind !== kind)
        throw invalid(what, 'kind', `it is ${before.kind}; make a new plug-in`);
      await requireImage(wanted.image);
      if (!before) await tx.plugin.create({ data: { id, teamName, name, kind, description } });
      const { _max } = await tx.pluginVersion.aggregate({ where: { pluginId: id }, _max: { number: true } });
      await tx.pluginVersion.create({
        data: {
          pluginId: id,
          number: (_max.number ?? 0) + 1,
          image: wanted.image,
          command: wanted.command?.length ? JSON.stringify(wanted.command) : null,
          fields: JSON.stringify(wanted.fields),
          cpuMillis: wanted.cpuMillis,
          memoryMb: wanted.memoryMb,
        },
      });
      return tx.plugin.findUniqueOrThrow({ where: { id }, include: withUse });

      async function requireImage(image: string): Promise<void> {
        if (!image.startsWith('app:')) return;
        const app = await tx.app.findFirst({ where: { id: image.slice(4), teamName, deletedAt: null } });
        if (!app) throw invalid(what, 'image', 'the team has no such app');
      }
    });
    return presentPlugin(row);
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new AppError('CONFLICT', `${what}: name is taken in team "${teamName}"`, { cause: error });
  }
}

export async function deletePlugin({ repository }: Api, id: string, context: CallContext): Promise<true> {
  const teamName = theTeam(context);
  await repository.db.$transaction(async (tx) => {
    const found = await tx.plugin.findFirst({
      where: { id, teamName },
      include: { apps: { include: { app: true } } },
    });
    if (!found) throw new AppError('NOT_FOUND', 'There is no such plug-in');
    const [user] = found.apps;
    if (user)
      throw new AppError('CONFLICT', `Cannot remove plug-in "${found.name}": app "${user.app.name}" uses it`);
    await tx.plugin.delete({ where: { id } });
  });
  return true;
}
