import type { AppError } from '@skyarc/lib/errors';
import { cannotFetch, sourceErrorOf, type SourceFailure, type SourceRule } from './source-errors.ts';

export interface GitFailure extends SourceFailure {
  readonly branch: string;
  readonly hasCredentials: boolean;
}

/** In the words of git 2.39 and OpenSSH 9 with LC_ALL=C; the first rule that matches wins. */
const rules: readonly SourceRule<GitFailure>[] = [
  {
    pattern: /No space left on device/,
    code: 'EXHAUSTED',
    say: () => 'it is larger than the disk that its builds have; raise the limit in the build settings',
  },
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/,
    code: 'FORBIDDEN',
    say: () =>
      "the server's SSH host key is not the one seen before; if it was changed on purpose, an administrator removes the old one",
  },
  {
    pattern: /Permission denied \(([^)]*)\)/,
    code: 'UNAUTHENTICATED',
    say: () =>
      "the server does not accept the team's SSH key; add the team's public key to the repository's deploy keys",
  },
  {
    pattern: /Could not resolve host(?:name)?:? (\S+)/,
    code: 'NOT_FOUND',
    say: (match) => `unknown host ${match[1]}`,
  },
  {
    pattern: /Failed to connect to|Connection refused|Couldn't connect|No route to host/,
    code: 'UNAVAILABLE',
    say: () => 'the server refuses connections; check host and port',
  },
  {
    pattern: /Connection timed out|Operation timed out|Operation too slow|Timeout/i,
    code: 'UNAVAILABLE',
    say: () => 'the server does not answer in time',
  },
  {
    pattern: /returned error: 30[1-8]|redirect/,
    code: 'INVALID',
    say: () =>
      'the server redirects to another address, which is not followed; enter the address it leads to',
  },
  {
    pattern: /Authentication failed|returned error: 401|could not read (?:Username|Password)/,
    code: 'UNAUTHENTICATED',
    say: (_, { hasCredentials }) =>
      hasCredentials
        ? 'the server refuses the user or token; check them in the source settings'
        : 'it does not exist or is private; enter a user and token in the source settings',
  },
  {
    pattern: /returned error: 403/,
    code: 'FORBIDDEN',
    say: (_, { hasCredentials }) =>
      hasCredentials
        ? 'this user or token may not read it'
        : 'the server does not let strangers read it; enter a user and token',
  },
  {
    pattern:
      /returned error: 404|repository '.*' not found|does not appear to be a git repository|Repository not found|not valid: is this a git repository|does not exist/,
    code: 'NOT_FOUND',
    say: () => 'there is no repository at this address, or it is private',
  },
  {
    pattern: /(?:SSL|TLS|certificate)[^\n]*/i,
    code: 'UNAVAILABLE',
    say: (match) => `its certificate is not trusted (${match[0].slice(0, 150)})`,
  },
  {
    pattern:
      /(?:could not|couldn't) find remote ref|Remote branch .* not found|not our ref|unadvertised object|reference is not a tree|fatal: bad object/i,
    code: 'NOT_FOUND',
    say: (_, { branch }) => `it has no branch, tag or commit "${branch}"`,
  },
  {
    pattern: /returned error: (\d+)/,
    code: 'UNAVAILABLE',
    say: (match) => `the server answered with status ${match[1]}`,
  },
];

/** Why git failed, for a person. */
export function gitErrorOf(failure: GitFailure): AppError {
  const known = sourceErrorOf(rules, failure);
  if (known) return known;
  const last = failure.stderr.split('\n').findLast((line) => /^(fatal|error):/.test(line)) ?? 'git failed';
  return cannotFetch(failure, 'INVALID', last.replace(/^(fatal|error): /, '').slice(0, 300), [last]);
}
