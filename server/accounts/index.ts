import type { ConsoleDatabase } from '@skyarc/prisma/console';
import { RateLimiter, type Room } from '@skyarc/server/host';
import { AccountAuthenticator } from './authenticator.ts';
import { policies } from './policy.ts';
import { AccountRepository } from './repository.ts';
import { createResolvers } from './resolvers/index.ts';
import { hashSecret, newSecret } from './secrets.ts';

export interface AccountsRoom extends Room {
  readonly authenticator: AccountAuthenticator;
  readonly repository: AccountRepository;
  /** A new one-time token while nobody has claimed the installation (earlier ones end), else undefined. */
  renewClaimToken(): Promise<string | undefined>;
}

/** People, teams, sessions and tokens. */
export function createAccounts(
  db: ConsoleDatabase,
  options: { readonly version: string; readonly attemptsPerMinute: number },
): AccountsRoom {
  const repository = new AccountRepository(db);
  const authenticator = new AccountAuthenticator(repository);
  const perMinute = options.attemptsPerMinute;
  const attempts = new RateLimiter({ burst: perMinute, perMinute });
  const spraying = new RateLimiter({ burst: perMinute * 5, perMinute: perMinute * 5 });
  return {
    name: 'accounts',
    policies,
    resolvers: createResolvers({ repository, authenticator, attempts, spraying, version: options.version }),
    authenticator,
    repository,
    async renewClaimToken() {
      if (await repository.isClaimed()) return undefined;
      const token = newSecret();
      await repository.setClaimToken(hashSecret(token));
      return token;
    },
  };
}
