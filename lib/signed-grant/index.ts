import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import type { z } from 'zod';

/** PEM texts of an Ed25519 pair: one service signs, others only check. */
export interface GrantKeys {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** What every grant says. */
interface Claims {
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A new pair. */
export function makeGrantKeys(): GrantKeys {
  const { privateKey } = generateKeyPairSync('ed25519');
  return keysOf(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
}

/** The pair of the key file; a new one is written (mode 0600) when there is none. */
export async function ensureGrantKeys(file: string): Promise<GrantKeys> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, makeGrantKeys().privateKey, { mode: 0o600, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  return keysOf(await readFile(file, 'utf8'));
}

function keysOf(privateKey: string): GrantKeys {
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  return { privateKey, publicKey };
}

/** Makes grants: `<claims>.<signature>` in base64url, Ed25519 (RFC 8032). */
export class GrantSigner {
  private readonly key: KeyObject;

  constructor(privateKey: string) {
    this.key = createPrivateKey(privateKey);
  }

  sign(claims: Claims): string {
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${body}.${sign(null, Buffer.from(body), this.key).toString('base64url')}`;
  }
}

/** Opens grants; a schema tells one use from another. */
export class GrantVerifier {
  private readonly key: KeyObject;

  constructor(publicKey: string) {
    this.key = createPublicKey(publicKey);
  }

  /** Throws FORBIDDEN for a grant that is forged, malformed, for another use or ended. */
  open<Schema extends z.ZodType<Claims>>(schema: Schema, token: string): z.output<Schema> {
    const [body = '', signature = ''] = token.split('.');
    const isOurs = verify(null, Buffer.from(body), this.key, Buffer.from(signature, 'base64url'));
    const claims = isOurs ? readClaims(schema, token) : null;
    if (claims === null) throw new AppError('FORBIDDEN', 'The grant is not valid');
    if (claims.expiresAt < Date.now())
      throw new AppError('FORBIDDEN', 'The grant has ended; ask for a new one');
    return claims;
  }
}

/** What a grant claims, unproven, or null when it cannot be read: for those who only pass it on. */
export function readClaims<Schema extends z.ZodType>(schema: Schema, token: string): z.output<Schema> | null {
  try {
    const body = Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString('utf8');
    return schema.safeParse(JSON.parse(body)).data ?? null;
  } catch {
    return null;
  }
}
