import { AppError } from '@skyarc/lib/errors';
import type { SecretBox } from '@skyarc/lib/secretbox';
import type { EnvVarRecord } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { CheckedSource, CheckedUpdate } from '../input.ts';

const credentials = z.object({ username: z.string(), password: z.string() });

/**
 * Stored credentials of a source: JSON with `username` and `password`, sealed for `source:<app id>`. A null
 * password keeps the stored one, an empty one removes it; another kind of source has none.
 */
export function sealCredentials(
  secretBox: SecretBox,
  appId: string,
  source: CheckedSource,
  present: { readonly sealed: string | null; readonly url: string | null } | null,
): string | null {
  const { git } = source;
  const place = `source:${appId}`;
  if (!git || git.password === '') return null;
  // What was given for one host must not be sent to another.
  const kept = present?.sealed && sameHost(present.url, git.url) ? present.sealed : null;
  if (git.password === null || git.password === undefined) {
    if (!kept || !git.username) return kept;
    const { password } = credentials.parse(JSON.parse(secretBox.open(kept, place)));
    return secretBox.seal(JSON.stringify({ username: git.username, password }), place);
  }
  const plain = { username: git.username || 'git', password: git.password };
  return secretBox.seal(JSON.stringify(plain), place);
}

/** Rows of the environment; a secret one without a value keeps what is stored. */
export function sealEnv(
  secretBox: SecretBox,
  appId: string,
  what: string,
  wanted: NonNullable<CheckedUpdate['env']>,
  present: readonly EnvVarRecord[],
): { name: string; value: string; secret: boolean }[] {
  const stored = new Map(present.map((row) => [row.name, row]));
  return wanted.map(({ name, value, secret }) => {
    const isSecret = secret ?? false;
    const kept = stored.get(name);
    if (isSecret && (value === null || value === undefined)) {
      if (!kept) throw new AppError('INVALID', `${what}: env: secret ${name} has no value yet; give one`);
      return { name, value: kept.value, secret: true };
    }
    return { name, value: secretBox.seal(value ?? '', `env:${appId}:${name}`), secret: isSecret };
  });
}

function sameHost(left: string | null, right: string): boolean {
  return left !== null && hostOf(left) === hostOf(right);
}

function hostOf(url: string): string {
  return URL.canParse(url) ? `${new URL(url).protocol}//${new URL(url).host}` : (url.split(':', 1)[0] ?? url);
}
