import { AppError } from '@skyarc/lib/errors';
import { identityOf, type RequestContext } from '@skyarc/server/host';
import type { Accounts } from '../accounts.ts';
import { check } from '@skyarc/lib/input';
import { inputs } from '../input.ts';
import type { ApiTokenRecord } from '../records.ts';
import { isTaken } from '../repository.ts';
import { hashSecret, newSecret } from '../secrets.ts';

/** A token with the viewer's rights; its text is known only here and to the caller. */
export async function createApiToken(
  accounts: Accounts,
  input: unknown,
  context: RequestContext,
): Promise<{ apiToken: ApiTokenRecord; secret: string }> {
  const { name, days } = check('Cannot create the token', inputs.createApiToken, input);
  const secret = newSecret('sky_');
  const expiresAt = days ? new Date(Date.now() + days * 86_400_000) : null;
  const { userId } = identityOf(context);
  try {
    const token = { userId, name, tokenHash: hashSecret(secret), expiresAt };
    return { apiToken: await accounts.repository.createApiToken(token), secret };
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new AppError('CONFLICT', `Cannot create token "${name}": you have one of this name`, {
      cause: error,
    });
  }
}

export async function revokeApiToken(
  accounts: Accounts,
  id: string,
  context: RequestContext,
): Promise<boolean> {
  if (!(await accounts.repository.deleteApiToken(identityOf(context).userId, id))) {
    throw new AppError('NOT_FOUND', 'Cannot revoke the token: you have no such token');
  }
  accounts.authenticator.forget();
  return true;
}
