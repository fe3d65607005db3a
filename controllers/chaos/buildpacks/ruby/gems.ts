import { AppError } from '@skyarc/lib/errors';
import { rubyVersion } from '../../base/runtimes/ruby.ts';
import type { SourceTree } from '../../sources/tree.ts';
import { satisfies } from '../versions.ts';

/** Gems with libraries of Debian: what runs needs the one, what compiles the other. */
const libraries: Readonly<Record<string, readonly [runtime: string, headers: string]>> = {
  charlock_holmes: ['libicu72', 'libicu-dev'],
  curb: ['libcurl4', 'libcurl4-openssl-dev'],
  ffi: ['libffi8', 'libffi-dev'],
  mysql2: ['libmariadb3', 'libmariadb-dev'],
  nokogiri: ['libxslt1.1', 'libxslt1-dev'],
  pg: ['libpq5', 'libpq-dev'],
  rmagick: ['libmagickwand-6.q16-6', 'libmagickwand-dev'],
  'ruby-vips': ['libvips42', 'libvips-dev'],
  sqlite3: ['libsqlite3-0', 'libsqlite3-dev'],
};

/** Gems that are compiled when they are installed; others that are show it by failing once. */
const compiled = new Set(
  `bcrypt bigdecimal bindex bootsnap byebug date debug eventmachine google-protobuf hiredis http_parser.rb
  io-console io-event jaro_winkler json llhttp-ffi msgpack nio4r oj openssl psych puma racc redcarpet
  rbtree stringio strscan thin unf_ext unicorn websocket-driver`.split(/\s+/),
);

/** What Gemfile and Gemfile.lock say. */
export interface GemFacts {
  readonly hasLock: boolean;
  /** Names of all gems of the lock file, or of those that the Gemfile names. */
  readonly names: ReadonlySet<string>;
  readonly runtimeLibraries: readonly string[];
  readonly headers: readonly string[];
  readonly needsCompiler: boolean;
  /** Whether nothing but the two files decides what is installed. */
  readonly isSelfContained: boolean;
}

/** Null without a Gemfile. Throws INVALID when it wants another Ruby. */
export async function readGems(source: SourceTree): Promise<GemFacts | null> {
  const gemfile = await source.readText('Gemfile');
  if (gemfile === null) return null;
  await checkVersion(source, gemfile);
  const lock = await source.readText('Gemfile.lock');
  const fromLock = [...(lock ?? '').matchAll(/^ {4}([\w.-]+) \(([^)]+)\)$/gm)];
  const named = [...gemfile.matchAll(/^\s*gem[ (]+["']([\w.-]+)["']/gm)].map((match) => match[1] as string);
  const names = new Set(lock === null ? named : fromLock.map((match) => match[1] as string));
  // A release for this very platform is not compiled.
  const isPrebuilt = (name: string) =>
    fromLock.some(
      ([, gem, version]) => gem === name && /-x86_64-linux|-aarch64-linux/.test(version as string),
    );
  const used = [...names].filter((name) => libraries[name] && !isPrebuilt(name));
  return {
    hasLock: lock !== null,
    names,
    runtimeLibraries: used.map((name) => libraries[name]?.[0] as string).toSorted(),
    headers: used.map((name) => libraries[name]?.[1] as string).toSorted(),
    needsCompiler:
      /^GIT$/m.test(lock ?? '') ||
      used.length > 0 ||
      [...names].some((name) => compiled.has(name) && !isPrebuilt(name)),
    isSelfContained:
      lock !== null &&
      !/^(?:GIT|PATH)$/m.test(lock) &&
      !/\b(?:gemspec|path:|:path|eval_gemfile|File|Dir|require|require_relative)\b/.test(gemfile),
  };
}

async function checkVersion(source: SourceTree, gemfile: string): Promise<void> {
  const file = (await source.readText('.ruby-version'))?.trim().replace(/^ruby-/, '');
  const inGemfile = [...gemfile.matchAll(/^\s*ruby\s+((?:["'][^"']+["']\s*,?\s*)+)/gm)][0]?.[1];
  const ranges = inGemfile
    ? [...inGemfile.matchAll(/["']([^"']+)["']/g)].map((match) => match[1] as string)
    : [];
  const wrong = ranges.find((range) => satisfies(rubyVersion, range) === false);
  if (wrong) throw wrongVersion('Gemfile', wrong);
  if (ranges.length === 0 && file && satisfies(rubyVersion, file) === false)
    throw wrongVersion('.ruby-version', file);
}

function wrongVersion(file: string, range: string): AppError {
  return new AppError(
    'INVALID',
    `${file} asks for Ruby ${range.slice(0, 60)}, and there is ${rubyVersion}; ask for "~> 3.1", or use a Dockerfile`,
  );
}
