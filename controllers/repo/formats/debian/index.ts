import { AppError } from '@skyarc/lib/errors';
import type { Wanted } from '../../store/cache.ts';
import type { Digests } from '../../store/digests.ts';
import type { Upstream } from '../../store/upstream.ts';
import { type Answer, type Ask, type Handler, servedOf, type Tools } from '../format.ts';
import { takePut } from '../published-files.ts';
import { locatePublic, nameSites } from './discover.ts';
import { type DebianPath, parseDebianPath, parsePackages, parseRelease } from './indexes.ts';
import { unpack } from './unpack.ts';

export { discover } from './discover.ts';
export const name = 'debian';
export const title = 'Debian';
export const setup = (base: string): string => `deb ${base}/debian bookworm main   in /etc/apt/sources.list`;
export const open = (tools: Tools): Handler => new DebianHandler(tools);

/** Debian's main has some sixty thousand packages: they are written down in parts. */
const promisesAtOnce = 2_000;

interface Site {
  readonly name: string;
  readonly upstream: Upstream;
}

/** Debian sites: signed files pass unchanged, indexes are what Release promises, packages what an index promises. */
class DebianHandler implements Handler {
  private readonly tools: Tools;
  private readonly sites: ReadonlyMap<string, Upstream>;
  private reading: Promise<void> = Promise.resolve();

  constructor(tools: Tools) {
    this.tools = tools;
    this.sites = nameSites(tools.upstreams);
  }

  async handle(ask: Ask): Promise<Answer> {
    const [siteName = '', ...parts] = ask.parts;
    const path = parseDebianPath(parts);
    if (path === null || ask.hasFinalSlash)
      throw new AppError('NOT_FOUND', 'There is no such file of a Debian site');
    const within = parts.join('/');
    if (siteName === 'private') return this.own(ask, within);
    if (ask.method !== 'GET' && ask.method !== 'HEAD')
      throw new AppError('INVALID', 'Debian sites are read; publish below /debian/private/');
    const upstream = this.sites.get(siteName);
    if (!upstream) {
      const known = [...this.sites.keys(), 'private'].join(', ');
      throw new AppError('NOT_FOUND', `There is no Debian site "${siteName}"; there is ${known}`);
    }
    return {
      body: await this.tools.cache.open(await this.wantedOf({ name: siteName, upstream }, path, within)),
    };
  }

  locate(url: string): string | null {
    for (const [site, upstream] of this.sites) {
      if (url.startsWith(upstream.url)) return `${site}/${url.slice(upstream.url.length)}`;
    }
    return locatePublic(this.sites, url);
  }

  /** A whole repository as its team's own tools made it. */
  private own(ask: Ask, path: string): Promise<Answer> | Answer {
    const { store } = this.tools;
    const isIndex = path.startsWith('dists/');
    if (ask.method === 'PUT') {
      const [package_ = ''] = /[^/]+(?=_[^/_]+_[^/_]+\.deb$)/.exec(path) ?? [];
      return takePut(ask, this.tools, {
        format: 'debian',
        name: package_,
        path: `private/${path}`,
        mayReplace: isIndex,
      });
    }
    const found = ask.caller.team === '' ? null : store.find(ask.caller.team, 'debian', `private/${path}`);
    if (!found) throw new AppError('NOT_FOUND', `There is no ${path}`);
    return { body: servedOf(found, store) };
  }

  private async wantedOf(site: Site, path: DebianPath, within: string): Promise<Wanted> {
    const { limits, cache } = this.tools;
    const limitBytes = limits.fileMb * 2 ** 20;
    const wanted = { ...this.place(site, within), limitBytes };
    switch (path.kind) {
      case 'release':
        return { ...wanted, maxAgeMs: Math.min(limits.indexMaxAgeMs, 60_000) };
      case 'byHash':
        this.remember(site, path.folder);
        return { ...wanted, maxAgeMs: null, digests: { [path.algorithm]: path.digest } };
      case 'index':
        this.remember(site, within.slice(0, within.lastIndexOf('/')));
        return this.indexOf(site, path, wanted);
      case 'package': {
        const name = /[^/]+(?=_[^/_]+_[^/_]+\.u?deb$)/.exec(within)?.[0] ?? '';
        const digests = cache.find('debian', wanted.path) ? {} : await this.promiseOf(site, within);
        return { ...wanted, name, maxAgeMs: null, digests };
      }
      case 'other':
        return { ...wanted, maxAgeMs: limits.indexMaxAgeMs };
    }
  }

  /** Kept under its digest, so that a new edition never stands in for the one that Release promises. */
  private async indexOf(
    site: Site,
    { suite, within }: { readonly suite: string; readonly within: string },
    wanted: Omit<Wanted, 'maxAgeMs'>,
  ): Promise<Wanted> {
    const digest = (await this.release(site, suite)).get(within);
    if (!digest) return { ...wanted, maxAgeMs: this.tools.limits.indexMaxAgeMs };
    return { ...wanted, path: `${wanted.path}@${digest}`, maxAgeMs: null, digests: { sha256: digest } };
  }

  private place({ name: site, upstream }: Site, within: string) {
    const url = within.split('/').map(encodeURIComponent).join('/');
    return { format: 'debian', name: '', path: `${site}/${within}`, upstream, url };
  }

  private async release(site: Site, suite: string): Promise<ReadonlyMap<string, string>> {
    const { cache, limits } = this.tools;
    const common = { maxAgeMs: Math.min(limits.indexMaxAgeMs, 60_000), limitBytes: limits.indexMb * 2 ** 20 };
    const found = await cache
      .text({ ...this.place(site, `dists/${suite}/InRelease`), ...common })
      .catch(() => cache.text({ ...this.place(site, `dists/${suite}/Release`), ...common }));
    return parseRelease(found.text);
  }

  /** Folders of Packages files that clients read, which must be known for their packages to be checked. */
  private remember(site: Site, folder: string): void {
    const isNew = /\/binary-[\w-]+$/.test(folder);
    if (isNew) this.tools.catalogue.learn(`folder ${site.name}/${folder}`);
  }

  private async promiseOf(site: Site, file: string): Promise<Digests> {
    const { catalogue } = this.tools;
    const key = `${site.name}/${file}`;
    if (catalogue.promiseOf(key) === null) {
      const mine = this.reading.then(() => this.readIndexes(site));
      this.reading = mine.catch(() => undefined);
      await mine;
    }
    const digest = catalogue.promiseOf(key);
    if (digest === null)
      throw new AppError(
        'NOT_FOUND',
        `No index that was asked for lists ${file}; run "apt-get update" through this address`,
      );
    return { sha256: digest };
  }

  /** Reads the Packages files of all folders that clients of the site read, each edition once. */
  private async readIndexes(site: Site): Promise<void> {
    const { catalogue } = this.tools;
    for (const folder of catalogue.listLearned(`folder ${site.name}/`)) {
      const parts = folder.split('/');
      const plain = parseDebianPath([...parts, 'Packages']);
      if (plain?.kind !== 'index') continue;
      const promised = await this.release(site, plain.suite);
      // Some sites, that of security updates among them, pack them in one way only.
      const packing = (['gz', 'xz'] as const).find((one) => promised.has(`${plain.within}.${one}`));
      if (!packing) continue;
      const path = { ...plain, within: `${plain.within}.${packing}` };
      const digest = promised.get(path.within) as string;
      if (catalogue.hasLearned(digest)) continue;
      const within = `${folder}/Packages.${packing}`;
      const limitBytes = this.tools.limits.indexMb * 2 ** 20;
      const wanted = await this.indexOf(site, path, { ...this.place(site, within), limitBytes });
      const record = await this.tools.cache.file(wanted);
      const unpacked = unpack(await this.tools.cache.serve(record, false).stream(), packing);
      let promises: (readonly [string, string])[] = [];
      for await (const [file, sha256] of parsePackages(linesOf(unpacked))) {
        promises.push([`${site.name}/${file}`, sha256]);
        if (promises.length < promisesAtOnce) continue;
        catalogue.promise(promises);
        promises = [];
      }
      catalogue.promise(promises);
      catalogue.learn(digest);
    }
  }
}

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest) yield rest;
}
