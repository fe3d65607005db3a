import { AppError } from '@skyarc/lib/errors';
import { identityOf, type RequestContext } from '@skyarc/server/host';
import type { Accounts } from '../accounts.ts';
import { check } from '@skyarc/lib/input';
import { inputs } from '../input.ts';
import type { TeamRecord, UserRecord } from '../records.ts';
import { type AccountRepository, isTaken } from '../repository.ts';
import { hashPassword } from '../secrets.ts';

export async function createUser(accounts: Accounts, input: unknown): Promise<UserRecord> {
  const wanted = check('Cannot create the user', inputs.createUser, input);
  const { name, email, admin } = wanted;
  const passwordHash = await hashPassword(wanted.password);
  return orConflict(
    accounts.repository.createUser({ name, email, passwordHash, admin: admin ?? false }),
    `Cannot create user "${email}": the address is taken`,
  );
}

/** The viewer is its owner. */
export async function createTeam(
  accounts: Accounts,
  input: unknown,
  context: RequestContext,
): Promise<TeamRecord> {
  const { name, displayName } = check('Cannot create the team', inputs.createTeam, input);
  const { userId } = identityOf(context);
  const team = await orConflict(
    accounts.repository.createTeam({ name, displayName: displayName ?? name, ownerId: userId }),
    `Cannot create team "${name}": the name is taken`,
  );
  await refresh(accounts, context);
  return team;
}

export async function setMember(
  accounts: Accounts,
  input: unknown,
  context: RequestContext,
): Promise<TeamRecord> {
  const what = 'Cannot set the member';
  const { teamId, email, role } = check(what, inputs.setMember, input);
  const team = await accounts.repository.transaction(async (repository) => {
    const user = await repository.findUserByEmail(email);
    if (!user)
      throw new AppError(
        'NOT_FOUND',
        `${what}: there is no user "${email}"; an administrator can create one`,
      );
    await repository.setMember(teamId, user.id, role);
    return keepAnOwner(repository, teamId, what);
  });
  await refresh(accounts, context);
  return team;
}

export async function removeMember(
  accounts: Accounts,
  { teamId, userId }: { readonly teamId: string; readonly userId: string },
  context: RequestContext,
): Promise<TeamRecord> {
  const what = 'Cannot remove the member';
  const team = await accounts.repository.transaction(async (repository) => {
    if (!(await repository.removeMember(teamId, userId))) {
      throw new AppError('NOT_FOUND', `${what}: this user is not in the team`);
    }
    return keepAnOwner(repository, teamId, what);
  });
  await refresh(accounts, context);
  return team;
}

/** Throws CONFLICT, which undoes the transaction, when the change would leave nobody in charge. */
async function keepAnOwner(repository: AccountRepository, teamId: string, what: string): Promise<TeamRecord> {
  const team = await repository.findTeam({ id: teamId });
  if (!team) throw new AppError('NOT_FOUND', `${what}: there is no such team`);
  if ((await repository.countOwners(teamId)) === 0) {
    throw new AppError('CONFLICT', `${what}: team "${team.name}" would have no owner`);
  }
  return team;
}

/** The answer to a change already shows the viewer's new rights. */
async function refresh(accounts: Accounts, context: RequestContext): Promise<void> {
  accounts.authenticator.forget();
  const { identity } = context;
  if (!identity) return;
  const teams = await accounts.repository.membershipsOf(identity.userId);
  context.become({ ...identity, memberships: teams });
}

async function orConflict<T>(work: Promise<T>, message: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isTaken(error) ? new AppError('CONFLICT', message, { cause: error }) : error;
  }
}
