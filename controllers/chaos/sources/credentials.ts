import type { SecretBox } from '@skyarc/lib/secretbox';
import { z } from 'zod';
import type { Credentials } from './remote.ts';

const sourceSecret = z.object({
  username: z.string().default(''),
  password: z.string().default(''),
  token: z.string().default(''),
});

/** A name that is not asked for by servers that know only tokens. `hide` is told what no log may show. */
export function openCredentials(
  secrets: SecretBox,
  { sealed, place }: { readonly sealed: string | null; readonly place: string },
  hide: (secret: string) => void,
): Credentials | undefined {
  if (!sealed) return undefined;
  const { username, password, token } = sourceSecret.parse(JSON.parse(secrets.open(sealed, place)));
  const secret = password || token;
  if (!secret && !username) return undefined;
  hide(secret);
  hide(Buffer.from(`${username || 'git'}:${secret}`).toString('base64'));
  return { username: username || 'git', password: secret };
}
