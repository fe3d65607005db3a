import { failures as goFailures } from './buildpacks/go/failures.ts';
import { failures as javaFailures } from './buildpacks/java/failures.ts';
import { failures as phpFailures } from './buildpacks/php/failures.ts';
import { failures as rubyFailures } from './buildpacks/ruby/failures.ts';
import { findRule, proofOf, type Rule } from './rules.ts';

export interface Failure {
  /** What ran, as a person would say it: `npm ci`. */
  readonly label: string;
  readonly code: number;
  /** The last lines that it printed. */
  readonly lines: readonly string[];
  readonly isOutOfMemory: boolean;
  readonly isOutOfProcesses: boolean;
  /** The builder itself has no disk left, whatever the build's own limit. */
  readonly isBuilderFull: boolean;
  /** It reached nothing but packages of the data centre and its source's host. */
  readonly isClosed: boolean;
  readonly memoryMb: number;
  readonly diskMb: number;
  readonly processes: number;
}

/** A language's own live with its buildpack. */
export type FailureRule = Rule<Failure>;

export interface Explanation {
  readonly message: string;
  /** The lines that prove it. */
  readonly proof: readonly string[];
}

const builderFull = "the builder's own disk is full or broken; an administrator frees space there";

const whatItMay =
  ": builds get packages from the data centre's service of packages and reach their source's host; publish there what is missing, or ask an administrator to open the network to builds of this team (SKYARC_OPEN_BUILDS)";

/** The first rule that finds its words in the output wins. */
const rules: readonly FailureRule[] = [
  {
    pattern: /ENOSPC|No space left on device|Disk quota exceeded/i,
    say: (_, { diskMb, isBuilderFull }) =>
      isBuilderFull
        ? builderFull
        : `the build's disk is full, limit ${diskMb} MB; write less or raise the limit in the build settings`,
  },
  {
    pattern: /\bEIO\b|Input\/output error|Structure needs cleaning/,
    say: () => builderFull,
  },
  ...javaFailures,
  ...goFailures,
  ...phpFailures,
  ...rubyFailures,
  {
    pattern:
      /can only install packages when your package\.json and package-lock\.json|lock file's .* does not satisfy|Missing: .* from lock file/i,
    say: () => 'package-lock.json and package.json disagree; run npm install and commit package-lock.json',
  },
  {
    pattern: /ERR_PNPM_OUTDATED_LOCKFILE|lockfile needs to be updated/i,
    say: () =>
      'the lock file and package.json disagree; install again on your machine and commit the lock file',
  },
  {
    pattern:
      /npm (?:ERR!|error) code (E404|ETARGET)[\s\S]*?(?:404 {2}?'?([^'\s]+)'? is not in|No matching version found for (\S+?)\.?$)/m,
    say: (match) =>
      `package ${match[2] ?? match[3] ?? ''} does not exist in the npm registry; check its name and version`,
  },
  {
    pattern: /npm (?:ERR!|error) code (E404|ETARGET)/,
    say: () =>
      'a package or version does not exist in the npm registry; check names and versions in package.json',
  },
  {
    pattern: /npm (?:ERR!|error) code ERESOLVE/,
    say: () =>
      'packages ask for versions of each other that do not fit (ERESOLVE); align them in package.json',
  },
  {
    pattern: /npm (?:ERR!|error) code EBADENGINE/,
    say: () => 'a package refuses this version of Node.js; set "engines" in package.json',
  },
  {
    pattern: /npm (?:ERR!|error) code (EJSONPARSE)|Unexpected token .* in JSON .*package\.json/,
    say: () => 'package.json is not valid JSON',
  },
  {
    pattern: /npm (?:ERR!|error) Missing script: "?([^"\n]+)/i,
    say: (match) => `package.json has no script "${match[1]}"`,
  },
  {
    pattern: /gyp ERR! (?:stack Error: )?(?:not found: make|find Python|Could not find any Python)/i,
    say: () =>
      'a package must be compiled, and builds have no compiler; use a release with prebuilt binaries, or a Dockerfile',
  },
  {
    pattern:
      /error: command '?(?:gcc|cc|x86_64-linux-gnu-gcc)'? failed|unable to execute '?(?:gcc|cc)|No such file or directory: '(?:gcc|cc)'/i,
    say: () =>
      'a package must be compiled, and builds have no compiler; use a release with a wheel, or a Dockerfile',
  },
  {
    pattern: /ERROR: No matching distribution found for (\S+)/,
    say: (match) =>
      `no release of Python package ${match[1]} fits; check its name, version and the Python version`,
  },
  {
    pattern: /ERROR: Invalid requirement: (.+)/,
    say: (match) => `requirements.txt has a line that pip does not understand: ${match[1]}`,
  },
  {
    pattern:
      /ERROR: Cannot install .* because these package versions have conflicting dependencies|ResolutionImpossible/,
    say: () =>
      'Python packages ask for versions of each other that do not fit; align them in requirements.txt',
  },
  {
    pattern:
      /EHOSTUNREACH|No route to host|Host is unreachable|Could(?:n't| not) connect to server|Failed to connect to |403 +Forbidden \[IP: 10\.0\.2\.2|proxy for packages of known sites|fetching https?:\S+: (?:network|temporary) error/i,
    say: (_, { isClosed }) =>
      isClosed
        ? `it asked a server that this build may not reach${whatItMay}`
        : 'a server cannot be reached from the build; is its address right, and public?',
  },
  {
    pattern:
      /(?:getaddrinfo )?(?:ENOTFOUND|EAI_AGAIN) (\S+)|(?:Could not|Unable to) resolve host(?: address)?:? ['"‘“]?([\w.-]+)|UnknownHostException: (\S+)|bad address '(\S+)'|Temporary failure in name resolution|Temporary failure resolving '(\S+)'/,
    say: (match, { isClosed }) => {
      const host = match.slice(1).find((one) => one !== undefined) ?? 'a host';
      return isClosed
        ? `it asked for ${host}, which this build may not reach${whatItMay}`
        : `${host} cannot be looked up; is it spelt right and reachable from here?`;
    },
  },
  {
    pattern: /ECONNREFUSED|ETIMEDOUT|Connection refused|Network is unreachable|network timeout/i,
    say: () => 'a server does not answer the build; is its address right, and public?',
  },
  {
    pattern: /JavaScript heap out of memory/,
    say: (_, { memoryMb }) =>
      `Node.js used up its memory; the build has ${memoryMb} MB, raise it in the build settings`,
  },
  {
    pattern: /Error: Cannot find module '([^']+)'/,
    say: (match) => `module ${match[1]} is missing; is it in package.json's dependencies, and committed?`,
  },
  {
    pattern: /ModuleNotFoundError: No module named '([^']+)'/,
    say: (match) => `Python module ${match[1]} is missing; add it to requirements.txt`,
  },
  {
    pattern: /(?:sh|bash): (?:\d+: )?(\S+): (?:command )?not found/,
    say: (match) => `program ${match[1]} is not there; add the package that brings it`,
  },
  {
    pattern: /(error TS\d+: .+)/,
    say: (match) => `TypeScript found errors, the first: ${match[1]}`,
  },
  {
    pattern: /[Ee]rror: (?:building at STEP|error building at STEP) "(.+?)": .*?exit status (\d+)/,
    say: (match) => `step ${match[1]} of the Dockerfile failed with status ${match[2]}`,
  },
  {
    pattern:
      /(?:initializing source docker:\/\/|reading manifest .* in |pinging container registry |short-name )(\S+)/,
    say: (match) =>
      `the image that FROM names cannot be got (${(match[1] ?? '').replace(/[":]+$/, '')}); skyarc/base:bookworm is always there`,
  },
  {
    pattern:
      /[Ee]rror: (?:.*Dockerfile.*: )?((?:Unknown|unknown) instruction[^\n]*|dockerfile parse error[^\n]*|no FROM statement found)/,
    say: (match) => `the Dockerfile is not valid: ${match[1]}`,
  },
];

/** Why a command of a build failed, in one sentence that says what to do where that is known. */
export function explain(failure: Failure): Explanation {
  const { label, code, lines, memoryMb, processes } = failure;
  if (failure.isOutOfMemory) {
    const message = `${label} was killed: out of memory, limit ${memoryMb} MB; use less or raise the limit in the build settings`;
    return { message, proof: proofOf(lines.slice(-2)) };
  }
  const found = findRule(rules, lines);
  if (found)
    return { message: `${label} failed: ${found.rule.say(found.match, failure)}`, proof: found.proof };
  const last = lines.findLast((line) => /error|fail|cannot|denied/i.test(line)) ?? lines.at(-1);
  const proof = proofOf(last === undefined ? [] : [last]);
  if (failure.isOutOfProcesses)
    return { message: `${label} failed: it started more than ${processes} processes`, proof };
  const reason = last ? `: ${last.trim().slice(0, 300)}` : '';
  return { message: `${label} failed with status ${code}${reason}`, proof };
}
