import { createHmac, randomBytes } from 'node:crypto';
import { AppError } from '@skyarc/lib/errors';
import { ensureSecretFile } from './secret-file.ts';

/** Who asks a registry, by the token specification of Distribution. */
export interface RegistryAccount {
  readonly username: string;
  readonly password: string;
  /** Where tokens are given, when the registry's own word for it is an address for others. */
  readonly tokenUrl?: string;
}

/** A name and password for each account, all from one secret: nobody has to keep a list. */
export class DerivedAccounts {
  private readonly secret: string;

  constructor(secret: string) {
    this.secret = secret;
  }

  /** Those of the secret in a file; a new one is written (mode 0600) when there is none. */
  static async ensure(file: string): Promise<DerivedAccounts> {
    return new DerivedAccounts(await ensureSecretFile(file, () => randomBytes(32).toString('base64url')));
  }

  passwordOf(username: string): string {
    return createHmac('sha256', this.secret).update(`registry account ${username}`).digest('base64url');
  }
}

interface Token {
  readonly text: string;
  readonly goodUntil: number;
}

/** Tokens of one account, kept while they are good (https://distribution.github.io/distribution/spec/auth/token/). */
export class TokenWallet {
  private readonly account: RegistryAccount | undefined;
  private readonly tokens = new Map<string, Token>();

  constructor(account: RegistryAccount | undefined) {
    this.account = account;
  }

  get canPay(): boolean {
    return this.account !== undefined;
  }

  /** A token for a use (method and repository), or undefined. */
  find(use: string): string | undefined {
    const token = this.tokens.get(use);
    if (token && token.goodUntil > Date.now()) return token.text;
    this.tokens.delete(use);
    return undefined;
  }

  /** Asks for the token that a challenge (RFC 6750, 3) wants. Throws with what the token service says. */
  async earn(use: string, challenge: string, signal?: AbortSignal): Promise<void> {
    const { username, password, tokenUrl } = this.account as RegistryAccount;
    const wanted = readChallenge(challenge);
    const url = new URL(tokenUrl ?? wanted.realm);
    url.searchParams.set('service', wanted.service);
    for (const scope of wanted.scopes) url.searchParams.append('scope', scope);
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    const response = await fetch(url, { headers: { authorization: `Basic ${basic}` }, signal });
    const body = (await response.json().catch(() => ({}))) as {
      token?: string;
      expires_in?: number;
      errors?: readonly { readonly code?: string; readonly message?: string }[];
    };
    if (!response.ok || !body.token) throw refusal(response.status, body.errors?.[0]);
    const goodMs = (body.expires_in ?? 60) * 1000 - 15_000;
    this.tokens.set(use, { text: body.token, goodUntil: Date.now() + goodMs });
    if (this.tokens.size > 1_000) this.tokens.delete(this.tokens.keys().next().value as string);
  }
}

function refusal(status: number, error: { code?: string; message?: string } | undefined): AppError {
  const message = error?.message ?? `The registry's token service answered ${status}`;
  if (error?.code === 'EXHAUSTED') return new AppError('EXHAUSTED', message);
  if (status >= 500 || status === 429) return new AppError('UNAVAILABLE', message);
  return new AppError('FORBIDDEN', message);
}

function readChallenge(header: string): { realm: string; service: string; scopes: readonly string[] } {
  const fields = new Map([...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  const realm = fields.get('realm');
  if (!/^Bearer /i.test(header) || !realm)
    throw new AppError('INTERNAL', `The registry asks for an unknown kind of login: ${header.slice(0, 60)}`);
  return {
    realm,
    service: fields.get('service') ?? '',
    scopes: (fields.get('scope') ?? '').split(' ').filter(Boolean),
  };
}
