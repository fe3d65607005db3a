import type { AppError } from '@skyarc/lib/errors';
import { cannotFetch, sourceErrorOf, type SourceFailure, type SourceRule } from './source-errors.ts';

export interface SvnFailure extends SourceFailure {
  readonly hasCredentials: boolean;
  /** Where the server wanted to lead us. */
  readonly redirect: string | undefined;
}

/** By the codes of Subversion 1.14 (svn_error_codes.h, apr_errno.h) and its English words; the first that matches wins. */
const rules: readonly SourceRule<SvnFailure>[] = [
  {
    pattern: /No space left on device/,
    code: 'EXHAUSTED',
    say: () => 'it is larger than the disk that its builds have; raise the limit in the build settings',
  },
  {
    pattern: /E230001: .*?(?:verification failed: )([^\n]*)/,
    code: 'UNAVAILABLE',
    say: (match) =>
      `its certificate is not trusted (${(match[1] ?? '').slice(0, 150)}); let it be signed by a known authority, or install its authority on the builder`,
  },
  {
    pattern: /E230001|E120171/,
    code: 'UNAVAILABLE',
    say: () => 'no secure connection comes about; check that the server speaks https at this port',
  },
  {
    pattern: /E215004|E170001|E175013|Authentication failed|Authorization failed/,
    code: 'UNAUTHENTICATED',
    say: (_, { hasCredentials }) =>
      hasCredentials
        ? 'the server refuses this user or password; check them in the source settings'
        : 'it is private; enter a user and password in the source settings',
  },
  {
    pattern: /(?:E160006[^\n]*?)?No such revision (\d+)|E160006/,
    code: 'NOT_FOUND',
    say: (match) => (match[1] ? `it has no revision ${match[1]} yet` : 'it has no such revision yet'),
  },
  {
    pattern: /E210005|No repository found|Could not find the requested SVN filesystem/,
    code: 'NOT_FOUND',
    say: () => 'there is no repository at this address',
  },
  {
    pattern: /E160013|E170000|W170000|W160013|E200009|non-existent in revision|path not found/,
    code: 'NOT_FOUND',
    say: () => 'there is nothing at this address in this revision',
  },
  {
    pattern:
      /E00011[01]|E000113|Connection refused|No route to host|HTTP status 502|while setting up the SSL tunnel/,
    code: 'UNAVAILABLE',
    say: () => 'the server refuses connections; check host and port',
  },
  {
    pattern: /E175012|E000110|E120106|timed out/i,
    code: 'UNAVAILABLE',
    say: () => 'the server does not answer in time',
  },
  {
    pattern: /Unexpected server error (\d+)|Could not open the requested SVN filesystem/,
    code: 'UNAVAILABLE',
    say: (match) => `the server has a problem of its own${match[1] ? ` (status ${match[1]})` : ''}`,
  },
  {
    pattern: /E175009|E130003|E175002.*(?:200|40[45])|XML|E175003|OPTIONS of/,
    code: 'INVALID',
    say: () => 'what answers there is not a Subversion server',
  },
  {
    pattern: /E210002|E210004|E210003|Malformed network data|connection closed unexpectedly/,
    code: 'INVALID',
    say: () => 'what answers there is not a Subversion server',
  },
];

/** Why svn failed, for a person. */
export function svnErrorOf(failure: SvnFailure): AppError {
  const { stderr, redirect } = failure;
  if (redirect !== undefined || /E170011|E195019|redirect/i.test(stderr)) {
    const why =
      'the server redirects to another address, which is not followed; enter the address it leads to';
    return cannotFetch(failure, 'INVALID', why, redirect === undefined ? stderr.split('\n') : [redirect]);
  }
  const known = sourceErrorOf(rules, failure);
  if (known) return known;
  const last = stderr.split('\n').findLast((line) => /^svn: [EW]\d+/.test(line)) ?? 'svn failed';
  return cannotFetch(failure, 'INVALID', last.replace(/^svn: [EW]\d+: /, '').slice(0, 300), [last]);
}
