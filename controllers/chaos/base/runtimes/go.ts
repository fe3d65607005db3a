import { chmod, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { GoProxy } from '../go-proxy.ts';
import type { Runtimes } from '../runtimes.ts';
import type { Tool } from '../store.ts';
import { ZipFile } from '../zip.ts';

/** What go.mod asks for, without the word "go". */
export interface GoWish {
  /** Least version, of the `go` line: `1.22` or `1.22.3`. */
  readonly least: string;
  /** Of the `toolchain` line: this very one; null without the line. */
  readonly exact: string | null;
}

export interface GoToolchain extends Tool {
  readonly version: string;
  /** Folder of its programs. */
  readonly bin: string;
}

/** How packages are compiled; a cache fits only builds with the same. */
export const goBuildEnv = {
  GOTOOLCHAIN: 'local',
  GOFLAGS: '-trimpath -buildvcs=false',
  CGO_ENABLED: '0',
} as const;

/** Where a toolchain keeps its own packages compiled, for builds to begin with. */
export const goSharedCache = '/usr/local/go-cache';
/** Standard packages that most servers need, with all that these import. */
const common =
  `net/http net/http/httputil net/smtp net/rpc html/template database/sql encoding/json encoding/xml
  encoding/gob encoding/csv embed archive/zip compress/gzip os/exec os/signal os/user log/syslog expvar flag
  image/png image/jpeg testing crypto/ed25519 go/format`.split(/\s+/);

/** Debian's Go, when no module proxy is within reach. */
const debianGo = '1.19';
const module = 'golang.org/toolchain';
const platform = `linux-${process.arch === 'x64' ? 'amd64' : process.arch}`;
const dayMs = 86_400_000;

/**
 * The Go toolchain that a module asks for, for builds only: from the module proxy, as the go command itself
 * gets them (go.dev/doc/toolchain), or Debian's when that is new enough and the proxy away. Throws INVALID for
 * a version that does not exist, UNAVAILABLE when only a proxy has it.
 */
export async function goToolchain(runtimes: Runtimes, wish: GoWish): Promise<GoToolchain> {
  try {
    return await fromProxy(runtimes, chooseGo(wish, await offered(runtimes)));
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'UNAVAILABLE') throw error;
    if (wish.exact === null && compareGo(wish.least, debianGo) <= 0) return fromDebian(runtimes);
    throw new AppError(
      'UNAVAILABLE',
      `Go ${wish.exact ?? wish.least} comes from a Go module proxy, and none answers (${messageOf(error)}); without one there is Debian's Go ${debianGo} for modules with "go ${debianGo}" or less`,
      { cause: error },
    );
  }
}

async function fromProxy(runtimes: Runtimes, version: string): Promise<GoToolchain> {
  const bin = '/usr/local/go/bin';
  const made = await runtimes.tool(`go-${version}`, async (root, scratch) => {
    const file = join(scratch, 'go.zip');
    const name = `v0.0.1-go${version}.${platform}`;
    await new GoProxy(runtimes.env).download(module, name, file);
    const home = join(root, 'usr/local/go');
    await mkdir(home, { recursive: true });
    await using zip = await ZipFile.open(file);
    const prefix = `${module}@${name}/`;
    await zip.extract(home, (path) => (path.startsWith(prefix) ? path.slice(prefix.length) : null));
    // A module's zip carries no modes.
    for await (const path of glob(['bin/*', `pkg/tool/${platform.replace('-', '_')}/*`], { cwd: home }))
      await chmod(join(home, path), 0o755);
    await rm(join(home, 'test'), { recursive: true, force: true });
    await compileCommon(runtimes, bin, { root, scratch });
  });
  return { ...made, version, bin };
}

async function fromDebian(runtimes: Runtimes): Promise<GoToolchain> {
  const bin = `/usr/lib/go-${debianGo}/bin`;
  const made = await runtimes.tool(`go-${debianGo}-debian`, async (root, scratch) => {
    await runtimes.installPackages([`golang-${debianGo}-go`], root, scratch);
    await compileCommon(runtimes, bin, { root, scratch });
  });
  return { ...made, version: debianGo, bin };
}

/** Once here instead of once in every app's cache. */
async function compileCommon(
  runtimes: Runtimes,
  bin: string,
  place: { readonly root: string; readonly scratch: string },
): Promise<void> {
  const env = {
    ...goBuildEnv,
    PATH: `${bin}:/usr/bin:/bin`,
    GOCACHE: goSharedCache,
    GOPATH: '/tmp/go',
    HOME: '/tmp',
  };
  await runtimes.run({ args: ['go', 'build', '--', ...common], env, ...place });
}

/** The very toolchain that is named; else the newest of the least minor version that will do. */
export function chooseGo({ least, exact }: GoWish, versions: readonly string[]): string {
  const known = versions.filter((version) => /^\d+\.\d+(\.\d+)?$/.test(version)).toSorted(compareGo);
  if (exact !== null && versions.includes(exact)) return exact;
  const wanted = exact ?? least;
  const enough = known.filter(
    (version) => compareGo(version, wanted) >= 0 && compareGo(version, '1.21') >= 0,
  );
  const minor = enough[0]?.split('.')[1];
  const found = exact === null ? enough.findLast((version) => version.split('.')[1] === minor) : undefined;
  if (found) return found;
  throw new AppError(
    'INVALID',
    `There is no Go ${wanted}; the newest is ${known.at(-1) ?? 'not known'}: change the ${exact === null ? 'go' : 'toolchain'} line of go.mod`,
  );
}

/** Versions that the proxy has for this platform; remembered for a day, and longer while it is away. */
async function offered(runtimes: Runtimes): Promise<readonly string[]> {
  const file = join(runtimes.folder, 'go.versions.json');
  const kept = JSON.parse(await readFile(file, 'utf8').catch(() => 'null')) as {
    versions: string[];
    at: number;
  } | null;
  if (kept && Date.now() - kept.at < dayMs) return kept.versions;
  try {
    const all = await new GoProxy(runtimes.env).versions(module);
    const suffix = `.${platform}`;
    const versions = all
      .filter((name) => name.startsWith('v0.0.1-go') && name.endsWith(suffix))
      .map((name) => name.slice('v0.0.1-go'.length, -suffix.length));
    await writeFile(file, JSON.stringify({ versions, at: Date.now() }));
    return versions;
  } catch (error) {
    if (kept) return kept.versions;
    throw error;
  }
}

/** Of `1.21`, `1.21.3`; a missing patch counts as 0. */
export function compareGo(left: string, right: string): number {
  const [a, b] = [left, right].map((text) => text.split('.').map(Number)) as [number[], number[]];
  for (const index of [0, 1, 2]) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
