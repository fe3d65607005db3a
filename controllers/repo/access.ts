import { teamName } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { GrantVerifier } from '@skyarc/lib/signed-grant';
import { z } from 'zod';

/** What a team's grant for packages says; chaos signs short ones for builds, the `skyarc` command long ones for people. */
export const repoGrant = z.object({
  use: z.literal('repo'),
  team: teamName,
  mayPublish: z.boolean(),
  expiresAt: z.number(),
});

/** Who asks. */
export interface Caller {
  /** Empty: nobody in particular. */
  readonly team: string;
  readonly mayPublish: boolean;
}

const stranger: Caller = { team: '', mayPublish: false };

/** Tells callers from the grant that they show: as a bearer token, or as the password of any user name. */
export class Access {
  private readonly verifier: GrantVerifier;
  private readonly anonymousRead: boolean;

  constructor(publicKey: string, anonymousRead: boolean) {
    this.verifier = new GrantVerifier(publicKey);
    this.anonymousRead = anonymousRead;
  }

  /** Throws UNAUTHENTICATED for a grant that is not valid, or for none where one is needed. */
  identify(authorization: string | undefined): Caller {
    const token = tokenOf(authorization);
    if (token === null) {
      if (this.anonymousRead) return stranger;
      throw new AppError('UNAUTHENTICATED', 'Show a token of your team, as a password or bearer token');
    }
    try {
      const { team, mayPublish } = this.verifier.open(repoGrant, token);
      return { team, mayPublish };
    } catch (error) {
      throw new AppError('UNAUTHENTICATED', 'The token is not valid or has ended; ask for a new one', {
        cause: error,
      });
    }
  }
}

/** Throws UNAUTHENTICATED or FORBIDDEN unless the caller may publish. */
export function mustPublish(caller: Caller): void {
  if (caller.team === '') throw new AppError('UNAUTHENTICATED', 'Publishing needs a token of a team');
  if (!caller.mayPublish)
    throw new AppError('FORBIDDEN', `This token of team "${caller.team}" may read, not publish`);
}

function tokenOf(authorization: string | undefined): string | null {
  // RubyGems sends a key as it is.
  if (/^[\w.-]{20,1000}$/.test(authorization ?? '')) return authorization as string;
  const [, scheme = '', value = ''] = /^(bearer|basic) +(\S+)$/i.exec(authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return null;
  const text = Buffer.from(value, 'base64').toString('utf8');
  return text.slice(text.indexOf(':') + 1) || null;
}
