import { z } from 'zod';

/** RFC 1123 label, short enough that `skyarc-<team>` and `<app>-<hash>-<hash>` stay within 63. */
const label = (max: number, what: string) =>
  z
    .string()
    .max(max, `${what} has at most ${max} characters`)
    .regex(
      /^[a-z]([a-z0-9-]*[a-z0-9])?$/,
      `${what} begins with a letter and has only a-z, 0-9 and inner "-"`,
    );

export const teamName = label(40, 'A team name');
/** Endings that the worker gives to the objects beside an app's own. */
const reservedEndings = /-(grey|headless|deployed|external)$/;
export const appName = label(40, 'An app name').refine(
  (name) => !reservedEndings.test(name),
  'An app name does not end in -grey, -headless, -deployed or -external',
);
export const dataCenterName = label(31, 'A data centre name');

/** POSIX environment name (IEEE 1003.1, 8.1). Names beginning with SKYARC_ are ours. */
export const envName = z
  .string()
  .max(128, 'An environment name has at most 128 characters')
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]*$/,
    'An environment name has only letters, digits and "_", and no digit first',
  )
  .refine((name) => !name.startsWith('SKYARC_'), 'Names beginning with SKYARC_ are reserved');

export const envValue = z
  .string()
  .max(32_768, 'An environment value has at most 32768 characters')
  .refine((value) => !value.includes('\0'), 'An environment value has no NUL character');

export const portNumber = z.int().min(1).max(65_535);

/** A host name to route (RFC 1123), optionally with a leading `*.`. */
export const hostName = z
  .string()
  .max(253, 'A host name has at most 253 characters')
  .regex(
    /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'is not a host name such as shop.example.com',
  );

/** An absolute URL path prefix without query, fragment, spaces or quotes (RFC 3986 pchar). */
export const pathPrefix = z
  .string()
  .max(512, 'A path has at most 512 characters')
  .regex(
    /^\/[A-Za-z0-9\-._~!$&()*+,;=:@/%]*$/,
    'A path begins with "/" and has no spaces, quotes or control characters',
  );

/** Kubernetes namespace of a team in a data centre. */
export function namespaceOf(team: string): string {
  return `skyarc-${team}`;
}

/** Default host of an app's port. */
export function defaultHostOf(address: { port: number; app: string; team: string; domain: string }): string {
  return `${address.port}.${address.app}.${address.team}.${address.domain}`;
}

/**
 * Prefix of what dependents are told of a port to which its owner gave none: the app's name, and the port
 * behind it for all but the first (lowest) one.
 */
export function defaultPortAlias(port: { app: string; port: number; isFirst: boolean }): string {
  const name = port.app.toUpperCase().replaceAll('-', '_');
  return port.isFirst ? name : `${name}_${port.port}`;
}
