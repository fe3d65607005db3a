import { randomBytes } from 'node:crypto';
import { z } from 'zod';

/** Kinds of things a data centre owns. */
export type IdKind =
  | 'app'
  | 'build'
  | 'version'
  | 'op'
  | 'route'
  | 'volume'
  | 'configset'
  | 'plugin'
  | 'certificate'
  | 'l4route'
  | 'jobrun'
  | 'terminal'
  | 'upload'
  | 'registry'
  | 'examination'
  | 'webhook'
  | 'delivery'
  | 'alertrule'
  | 'receiver'
  | 'logoutput'
  | 'message';

/** `<data centre>.<kind>.<16 characters>`: the prefix tells the console layer whom to ask. */
export const entityId = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,30}\.(app|build|version|op|route|volume|configset|plugin|certificate|l4route|jobrun|terminal|upload|registry|examination|webhook|delivery|alertrule|receiver|logoutput|message)\.[a-z2-7]{16}$/,
    'is not an id of Skyarc',
  );

/** A new id with 80 random bits; fits a Kubernetes label value. */
export function newId(dataCenter: string, kind: IdKind): string {
  return `${dataCenter}.${kind}.${base32(randomBytes(10))}`;
}

/** The data centre's name that an id begins with, or null for a text that is no id. */
export function dataCenterOf(id: string): string | null {
  return entityId.safeParse(id).success ? (id.split('.')[0] ?? null) : null;
}

/** RFC 4648 base32 in lower case, without padding; whole bytes of 5 only. */
function base32(bytes: Buffer): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  const length = (bytes.length * 8) / 5;
  return Array.from(
    { length },
    (_, index) => alphabet[Number((bits >> BigInt(5 * (length - 1 - index))) & 31n)],
  ).join('');
}
