import type { SecretBox } from '@skyarc/lib/secretbox';
import type { EnvVarRecord } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { CheckedSource } from '../input/source.ts';
import type { CheckedVariable } from '../input/team.ts';
import { invalid } from './refusals.ts';

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
  const remote = source.git ?? source.svn;
  const place = `source:${appId}`;
  if (!remote || remote.password === '') return null;
  // What was given for one host must not be sent to another.
  const kept = present?.sealed && sameHost(present.url, remote.url) ? present.sealed : null;
  if (remote.password === undefined) {
    if (!kept || !remote.username) return kept;
    const { password } = credentials.parse(JSON.parse(secretBox.open(kept, place)));
    return secretBox.seal(JSON.stringify({ username: remote.username, password }), place);
  }
  const plain = { username: remote.username || 'git', password: remote.password };
  return secretBox.seal(JSON.stringify(plain), place);
}

/** Rows of the environment; a secret one without a value keeps what is stored. */
export function sealEnv(
  secretBox: SecretBox,
  appId: string,
  what: string,
  wanted: readonly CheckedVariable[],
  present: readonly EnvVarRecord[],
): { name: string; value: string; secret: boolean; scope: string }[] {
  const placeOf = (name: string) => `env:${appId}:${name}`;
  const rows = sealVariables(secretBox, { what, at: 'env', placeOf }, wanted, present);
  return rows.map((row, index) => ({ ...row, scope: wanted[index]?.scope ?? 'SELF' }));
}

/** Variables sealed each for its own place; a secret one without a value keeps what is stored. */
export function sealVariables(
  secretBox: SecretBox,
  place: {
    readonly what: string;
    /** Where they stand in the input. */
    readonly at: string;
    readonly placeOf: (name: string) => string;
  },
  wanted: readonly CheckedVariable[],
  present: readonly { readonly name: string; readonly value: string }[],
): { name: string; value: string; secret: boolean }[] {
  const stored = new Map(present.map((row) => [row.name, row]));
  return wanted.map(({ name, value, secret }, index) => {
    if (secret && value === undefined) {
      const kept = stored.get(name);
      if (!kept)
        throw invalid(place.what, `${place.at}.${index}.value`, `secret ${name} has no value yet; give one`);
      return { name, value: kept.value, secret };
    }
    return { name, value: secretBox.seal(value ?? '', place.placeOf(name)), secret };
  });
}

function sameHost(left: string | null, right: string): boolean {
  return left !== null && hostOf(left) === hostOf(right);
}

function hostOf(url: string): string {
  return URL.canParse(url) ? `${new URL(url).protocol}//${new URL(url).host}` : (url.split(':', 1)[0] ?? url);
}
