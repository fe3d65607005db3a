import { AppError } from '@skyarc/lib/errors';
import { identityOf, type RequestContext } from '@skyarc/server/host';
import type { Accounts } from '../accounts.ts';
import { sessionLifeMs } from '../authenticator.ts';
import { check } from '@skyarc/lib/input';
import { inputs } from '../input.ts';
import type { UserRecord, ViewerRecord } from '../records.ts';
import { hashPassword, hashSecret, newSecret, verifyPassword } from '../secrets.ts';

/** Makes the first user, an administrator, and the first team; the token works once. */
export async function claim(
  accounts: Accounts,
  input: unknown,
  context: RequestContext,
): Promise<ViewerRecord> {
  const what = 'Cannot claim this installation';
  accounts.attempts.take(`claim ${context.remoteAddress}`, what);
  const wanted = check(what, inputs.claim, input);
  const passwordHash = await hashPassword(wanted.password);
  const user = await accounts.repository.transaction(async (repository) => {
    if (!(await repository.takeClaimToken(hashSecret(wanted.token)))) {
      throw (await repository.isClaimed())
        ? new AppError('CONFLICT', `${what}: somebody has claimed it already; log in`)
        : new AppError(
            'FORBIDDEN',
            `${what}: the token is wrong or was replaced; the newest start printed another`,
          );
    }
    const { name, email } = wanted;
    const created = await repository.createUser({ name, email, passwordHash, admin: true });
    await repository.createTeam({ name: wanted.teamName, displayName: wanted.teamName, ownerId: created.id });
    return created;
  });
  return begin(accounts, user, context);
}

/** Begins a session; the same answer, as slowly, for an unknown user and a wrong password. */
export async function login(
  accounts: Accounts,
  input: unknown,
  context: RequestContext,
): Promise<ViewerRecord> {
  const what = 'Cannot log in';
  const { email, password } = check(what, inputs.login, input);
  accounts.attempts.take(`login ${context.remoteAddress} ${email}`, what);
  accounts.spraying.take(`login ${context.remoteAddress}`, what);
  const found = await accounts.repository.findLogin(email);
  if (!(await verifyPassword(found?.passwordHash ?? null, password)) || !found) {
    throw new AppError('UNAUTHENTICATED', `${what}: e-mail address or password is wrong`);
  }
  const { passwordHash: _, ...user } = found;
  return begin(accounts, user, context);
}

export async function logout(accounts: Accounts, context: RequestContext): Promise<boolean> {
  const { identity } = context;
  if (identity?.credential.kind === 'session') await accounts.repository.endSession(identity.credential.hash);
  accounts.authenticator.forget();
  context.cookie.clear();
  context.become(null);
  return identity !== null;
}

/** Every other session of the viewer ends. */
export async function changePassword(
  accounts: Accounts,
  input: unknown,
  context: RequestContext,
): Promise<boolean> {
  const what = 'Cannot change the password';
  const { userId, credential } = identityOf(context);
  accounts.attempts.take(`password ${userId}`, what);
  const wanted = check(what, inputs.changePassword, input);
  const present = await accounts.repository.passwordHashOf(userId);
  if (!(await verifyPassword(present, wanted.currentPassword))) {
    throw new AppError('FORBIDDEN', `${what}: the current password is wrong`);
  }
  const passwordHash = await hashPassword(wanted.newPassword);
  await accounts.repository.transaction(async (repository) => {
    await repository.setPassword(userId, passwordHash);
    await repository.endSessions(userId, credential.hash);
  });
  accounts.authenticator.forget();
  return true;
}

async function begin(accounts: Accounts, user: UserRecord, context: RequestContext): Promise<ViewerRecord> {
  const session = newSecret();
  const expiresAt = new Date(Date.now() + sessionLifeMs);
  context.cookie.set(session, expiresAt);
  await accounts.repository.endExpiredSessions();
  await accounts.repository.createSession({
    tokenHash: hashSecret(session),
    userId: user.id,
    expiresAt,
    userAgent: context.userAgent,
  });
  context.become(await accounts.authenticator.identify({ session }));
  return { user };
}
