import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@skyarc/lib/errors';

/** Encrypts values at rest: AES-256-GCM, text form `v1.<iv>.<tag>.<ciphertext>` in base64url. */
export class SecretBox {
  private readonly key: Buffer;

  constructor(key: Buffer) {
    if (key.length !== 32) throw new AppError('INVALID', 'Cannot use the key: it must have 32 bytes');
    this.key = key;
  }

  /** `context` binds the text to its place (e.g. a row id), so that it cannot be moved to another. */
  seal(plain: string, context: string): string {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.key, iv).setAAD(Buffer.from(context));
    const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    return ['v1', ...[iv, cipher.getAuthTag(), body].map((part) => part.toString('base64url'))].join('.');
  }

  /** 32 bytes that are always the same for a context, and tell nothing of the key or of other contexts (HMAC-SHA-256). */
  derive(context: string): Buffer {
    return createHmac('sha256', this.key).update(`derive:${context}`).digest();
  }

  /** Throws INTERNAL when the text was altered, moved or sealed with another key. */
  open(sealed: string, context: string): string {
    const [version, iv, tag, body] = sealed.split('.');
    if (version !== 'v1' || !iv || !tag || body === undefined) {
      throw new AppError('INTERNAL', 'Cannot open a stored secret: unknown format');
    }
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key, Buffer.from(iv, 'base64url'))
        .setAAD(Buffer.from(context))
        .setAuthTag(Buffer.from(tag, 'base64url'));
      return decipher.update(Buffer.from(body, 'base64url')).toString('utf8') + decipher.final('utf8');
    } catch (cause) {
      throw new AppError(
        'INTERNAL',
        'Cannot open a stored secret: it was altered or sealed with another key',
        {
          cause,
        },
      );
    }
  }
}

/** The box of the key in the file; a new random key is written (mode 0600) when there is none. */
export async function ensureSecretBox(keyFile: string): Promise<SecretBox> {
  await mkdir(dirname(keyFile), { recursive: true });
  await writeFile(keyFile, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  return new SecretBox(Buffer.from(await readFile(keyFile, 'utf8'), 'base64'));
}
