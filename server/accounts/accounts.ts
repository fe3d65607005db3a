import type { RateLimiter } from '@skyarc/server/host';
import type { AccountAuthenticator } from './authenticator.ts';
import type { AccountRepository } from './repository.ts';

/** What the room's commands work with. */
export interface Accounts {
  readonly repository: AccountRepository;
  readonly authenticator: AccountAuthenticator;
  /** Of logging in and claiming. */
  readonly attempts: RateLimiter;
  /** Of logging in from one address, whatever the e-mail. */
  readonly spraying: RateLimiter;
  readonly version: string;
}
