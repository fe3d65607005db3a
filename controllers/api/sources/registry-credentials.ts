import { newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { RegistryCredentialRecord } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { invalid } from '../commands/refusals.ts';
import { ensureTeam } from '../commands/teams.ts';
import { type CallContext, teamFilter, theTeam } from '../context.ts';
import type { RegistryCredential } from '../generated/resolvers.ts';
import { sourceInputs } from '../input/source.ts';
import { withoutNulls } from '../input/text.ts';
import { isTaken } from '../repository.ts';

export async function listRegistryCredentials(
  { repository }: Api,
  context: CallContext,
): Promise<RegistryCredential[]> {
  const where = teamFilter(context);
  return (await repository.db.registryCredential.findMany({ where, orderBy: { host: 'asc' } })).map(present);
}

/** Stores what the team shows the registry of a host; a null password keeps the stored one. */
export async function saveRegistryCredential(
  api: Api,
  input: unknown,
  context: CallContext,
): Promise<RegistryCredential> {
  const what = 'Cannot save the registry';
  const teamName = theTeam(context);
  const { host, username, password } = check(what, sourceInputs.registryCredential, withoutNulls(input));
  await ensureTeam(api, teamName);
  const { db } = api.repository;
  const save = async (): Promise<RegistryCredentialRecord> => {
    const present = await db.registryCredential.findUnique({ where: { teamName_host: { teamName, host } } });
    if (!present && password === undefined) throw invalid(what, 'password', 'A password is needed');
    const id = present?.id ?? newId(api.config.dataCenter, 'registry');
    const sealed = password === undefined ? undefined : api.secretBox.seal(password, `registry:${id}`);
    if (present) return db.registryCredential.update({ where: { id }, data: { username, password: sealed } });
    return db.registryCredential.create({ data: { id, teamName, host, username, password: sealed ?? '' } });
  };
  try {
    return present(await save());
  } catch (error) {
    // Somebody else was faster; theirs is changed.
    if (isTaken(error)) return present(await save());
    throw error;
  }
}

export async function deleteRegistryCredential(
  { repository }: Api,
  id: string,
  context: CallContext,
): Promise<true> {
  const where = { id, teamName: theTeam(context) };
  const { count } = await repository.db.registryCredential.deleteMany({ where });
  if (count === 0) throw new AppError('NOT_FOUND', 'There is no such registry');
  return true;
}

function present({ id, host, username, createdAt }: RegistryCredentialRecord): RegistryCredential {
  return { id, host, username, createdAt };
}
