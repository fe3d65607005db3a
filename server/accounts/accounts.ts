import type { RateLimiter } from '@skyarc/server/host';
import type { AccountAuthenticator } from './authenticator.ts';
import type { AccountRepository } from './repository.ts';

/** What the room's commands work with. */
export interface Accounts {
  readonly repository: AccountRepository;
  readonly authenticator: AccountAuthenticator;
  /** Of logging in and claiming. */
  readonly attempts: RateLimiter;
  readonly version: string;
}
