import { AppError } from '@skyarc/lib/errors';
import { mustPublish } from '../../access.ts';
import { sha256Of } from '../../store/digests.ts';
import type { Upstream } from '../../store/upstream.ts';
import type { Answer, Ask, Handler, Takeover, Tools } from '../format.ts';
import {
  type NpmPath,
  parseNpmPath,
  parsePackument,
  type Packument,
  type Tarball,
  tarballsOf,
  withOurTarballs,
} from './packument.ts';
import { PrivateRegistries } from './private-registry.ts';

export { discover } from './discover.ts';
export const name = 'npm';
export const title = 'npm';
export const setup = (base: string): string => `npm config set registry ${base}/`;
export const open = (tools: Tools): Handler => new NpmHandler(tools);

const short = 'application/vnd.npm.install-v1+json';
const json = 'application/json; charset=utf-8';
/** Descriptions whose tarballs are kept in memory. */
const rememberedPackages = 1_000;

/** The registry API of npm: what the team published by verdaccio, everything else from upstreams through the cache. */
class NpmHandler implements Handler {
  private readonly tools: Tools;
  private readonly own: PrivateRegistries;
  private readonly tarballs = new Map<string, Map<string, Tarball>>();

  constructor(tools: Tools) {
    this.tools = tools;
    this.own = new PrivateRegistries(tools.folder, tools.limits.publishMb);
  }

  listPrivate(team: string): Promise<readonly string[]> {
    return this.own.list(team);
  }

  async handle(ask: Ask): Promise<Answer | Takeover> {
    const { method, parts, caller } = ask;
    const path = parseNpmPath(parts);
    if (path === null) throw new AppError('NOT_FOUND', 'There is no such place in an npm registry');
    const isRead = method === 'GET' || method === 'HEAD';
    const subject = path.kind === 'service' ? subjectOf(path.rest) : path.name;
    if (!isRead) mustPublish(caller);
    if (subject && (!isRead || (await this.own.has(caller.team, subject))))
      return this.own.takeOver(caller.team, ownPathOf(ask, path));
    if (path.kind === 'service') return this.serve(ask, path.rest);
    if (path.kind === 'tarball') return { body: await this.tarball(path.name, path.file) };
    return this.packument(ask, path.name, path.rest);
  }

  private async packument(ask: Ask, name: string, rest: readonly string[]): Promise<Answer> {
    const wantsShort = ask.request.headers.accept?.includes(short) === true && rest.length === 0;
    const { text, digest } = await this.index(name, wantsShort);
    const found = withOurTarballs(this.learn(name, text), ask.base);
    const [version] = rest;
    const body = version === undefined ? found : found.versions[found['dist-tags'][version] ?? version];
    if (body === undefined || rest.length > 1)
      throw new AppError('NOT_FOUND', `${name} has no version ${version}`);
    const etag = `"${sha256Of(`${digest} ${ask.base} ${rest.join('/')}`)}"`;
    return {
      headers: { 'content-type': wantsShort ? short : json, etag, vary: 'accept' },
      body: JSON.stringify(body),
    };
  }

  /** A tarball that is kept needs no description any more. */
  private async tarball(name: string, file: string) {
    const path = `${name}/-/${file}`;
    const kept = this.tools.cache.find('npm', path);
    const upstream = this.upstreamFor(name);
    const common = {
      format: 'npm',
      name,
      path,
      upstream,
      maxAgeMs: null,
      limitBytes: this.tools.limits.fileMb * 2 ** 20,
    };
    if (kept) return this.tools.cache.open({ ...common, url: path });
    const found = await this.findTarball(name, file);
    if (!found)
      throw new AppError('NOT_FOUND', `${name} has no file ${file}, or its registry tells no digest of it`);
    const { url, digests } = found;
    return this.tools.cache.open({ ...common, url, digests });
  }

  private async findTarball(name: string, file: string): Promise<Tarball | undefined> {
    const known = this.tarballs.get(name)?.get(file);
    if (known) return known;
    this.learn(name, (await this.index(name, true)).text);
    return this.tarballs.get(name)?.get(file);
  }

  private index(name: string, isShort: boolean) {
    const { cache, limits } = this.tools;
    return cache.text({
      format: 'npm',
      name: '',
      path: `${name}/${isShort ? '-short.json' : '-full.json'}`,
      upstream: this.upstreamFor(name),
      url: name.replace('/', '%2f'),
      accept: isShort ? `${short}, application/json;q=0.5` : 'application/json',
      maxAgeMs: limits.indexMaxAgeMs,
      limitBytes: limits.indexMb * 2 ** 20,
    });
  }

  private learn(name: string, text: string): Packument {
    const found = parsePackument(text, name);
    this.tarballs.delete(name);
    this.tarballs.set(name, tarballsOf(found));
    for (const oldest of this.tarballs.keys()) {
      if (this.tarballs.size <= rememberedPackages) break;
      this.tarballs.delete(oldest);
    }
    return found;
  }

  private upstreamFor(name: string): Upstream {
    const { upstreams } = this.tools;
    const scope = name.startsWith('@') ? name.split('/')[0] : undefined;
    const found = upstreams.find((one) => one.scope !== undefined && one.scope === scope);
    const upstream = found ?? upstreams.find((one) => one.scope === undefined);
    if (!upstream) throw new AppError('NOT_FOUND', `There is no package ${name}: no upstream is set for npm`);
    return upstream;
  }

  private async serve({ caller, search }: Ask, [first, ...rest]: readonly string[]): Promise<Answer> {
    const headers = { 'content-type': json };
    if (first === 'ping') return { headers, body: '{}' };
    if (first === 'whoami' && caller.team !== '')
      return { headers, body: JSON.stringify({ username: caller.team }) };
    if (first === 'package' && rest.at(-1) === 'dist-tags') {
      const name = rest.slice(0, -1).join('/');
      const tags = parsePackument((await this.index(name, true)).text, name)['dist-tags'];
      return { headers, body: JSON.stringify(tags) };
    }
    if (first === 'v1' && rest[0] === 'search') {
      const objects = await this.search(caller.team, search.get('text') ?? '');
      return {
        headers,
        body: JSON.stringify({ objects, total: objects.length, time: new Date().toUTCString() }),
      };
    }
    throw new AppError('NOT_FOUND', 'This registry does not do that; it installs, publishes and searches');
  }

  /** Among the team's own packages and those that were ever fetched. */
  private async search(team: string, words: string): Promise<unknown[]> {
    const own = (team ? await this.own.list(team) : []).filter((name) => name.includes(words));
    const kept = this.tools.catalogue.search(team, words, 500).filter(({ format }) => format === 'npm');
    return [...new Set([...own, ...kept.map((one) => one.name)])].slice(0, 100).map((name) => ({
      package: { name, version: '0.0.0', description: '', links: {} },
      score: { final: 1 },
      searchScore: 1,
    }));
  }
}

/** The package that a service address is about: `package/<name>/dist-tags`. */
function subjectOf(rest: readonly string[]): string | undefined {
  if (rest[0] !== 'package') return undefined;
  const end = rest.indexOf('dist-tags');
  return end > 1 ? rest.slice(1, end).join('/') : undefined;
}

function ownPathOf({ parts, request }: Ask, path: NpmPath): string {
  const query = new URL(request.url ?? '/', 'http://localhost').search;
  const segments =
    path.kind === 'tarball' && ['GET', 'HEAD'].includes(request.method ?? '')
      ? [...path.name.split('/'), '-', path.file]
      : parts;
  const encoded = segments.map((one) => encodeURIComponent(one).replace(/^%40/, '@'));
  return `/${encoded.join('/')}${query}`;
}
