import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import { AppError, isNotFound } from '@skyarc/lib/errors';
import { mustPublish } from '../../access.ts';
import type { Served } from '../../store/cache.ts';
import { sha256Of } from '../../store/digests.ts';
import type { Upstream } from '../../store/upstream.ts';
import { type Answer, type Ask, type Handler, ofFirst, servedOf, type Tools } from '../format.ts';
import { withSentFile } from '../published-files.ts';
import {
  type Description,
  type Dist,
  findDist,
  isPackageName,
  parseDescription,
  withOurDists,
} from './metadata.ts';
import { inspectArchive, type Manifest, readPackage } from './package-file.ts';

export { discover } from './discover.ts';
export const name = 'composer';
export const title = 'PHP';
export const setup = (base: string): string =>
  `composer config -g repositories.packagist.org composer ${base}`;
export const open = (tools: Tools): Handler => new ComposerHandler(tools);

const json = { 'content-type': 'application/json' };
const fixedVersion = /^v?\d+(?:\.\d+){0,3}(?:[.-]?(?:alpha|beta|a|b|rc|RC|pl|p)\.?\d*)?$/;

/** A Composer repository (getcomposer.org, "Repositories", version 2 of its metadata), and zips that teams put there. */
class ComposerHandler implements Handler {
  private readonly tools: Tools;

  constructor(tools: Tools) {
    this.tools = tools;
  }

  async handle(ask: Ask): Promise<Answer> {
    const { method, parts, base } = ask;
    if (method === 'PUT') return this.publish(ask);
    if (method !== 'GET' && method !== 'HEAD')
      throw new AppError('INVALID', 'A Composer repository is read, or zips of versions are put there');
    const [room = '', vendor = '', last = '', file = ''] = parts;
    if (room === 'packages.json' && parts.length === 1) {
      const metadata = `${base}/p2/%package%.json`;
      return { headers: json, body: JSON.stringify({ packages: [], 'metadata-url': metadata }) };
    }
    const [, bare, isDev] = /^([a-z0-9_.-]+?)(~dev)?\.json$/.exec(last) ?? [];
    if (room === 'p2' && parts.length === 3 && isPackageName(`${vendor}/${bare}`))
      return this.describe(ask, `${vendor}/${bare}`, isDev ?? '');
    const [, key, ending] = /^([0-9a-f]{40})\.([a-z]{1,8})$/.exec(file) ?? [];
    if (room === 'dist' && parts.length === 4 && key && ending && isPackageName(`${vendor}/${last}`))
      return { body: await this.archive(ask.caller.team, `${vendor}/${last}`, `${key}.${ending}`) };
    throw new AppError('NOT_FOUND', 'There is no such place in a Composer repository');
  }

  /** `PUT /<vendor>/<name>/<version>.zip`: the zip has the package's composer.json. */
  private async publish(ask: Ask): Promise<Answer> {
    mustPublish(ask.caller);
    const { store } = this.tools;
    const [vendor = '', bare = '', file = ''] = ask.parts;
    const name = `${vendor}/${bare}`;
    const version = file.replace(/\.zip$/, '');
    if (
      ask.parts.length !== 3 ||
      !file.endsWith('.zip') ||
      !isPackageName(name) ||
      !fixedVersion.test(version)
    )
      throw new AppError(
        'INVALID',
        'Put the zip of a version at <vendor>/<name>/<version>.zip, e.g. acme/tool/1.2.3.zip',
      );
    return withSentFile(ask, this.tools, async (sent) => {
      const manifest = await readPackage(sent);
      if (manifest.name !== name)
        throw new AppError(
          'INVALID',
          `The composer.json within says "${manifest.name.slice(0, 80)}", not ${name}`,
        );
      const common = { team: ask.caller.team, format: 'composer', mayReplace: false, limitBytes: Infinity };
      const path = `versions/${name}/${version}.zip`;
      const type = 'application/zip';
      const { digest } = await store.publish({ ...common, name, path, type }, createReadStream(sent));
      const reference = digest.slice(0, 40);
      const described = { ...manifest, version, dist: { type: 'zip', url: path, reference } };
      await store.publish(
        { ...common, name: '', path: `p2/${name}/${version}.json`, type: json['content-type'] },
        Readable.from([Buffer.from(JSON.stringify(described))]),
      );
      return { status: 201, headers: json, body: JSON.stringify({ name, version }) };
    });
  }

  private async describe(ask: Ask, name: string, suffix: string): Promise<Answer> {
    const own = await this.own(ask.caller.team, name);
    const { description, digest }: Pick<Described, 'description' | 'digest'> =
      own.length === 0
        ? await this.describedBy(name, suffix)
        : {
            description: { packages: { [name]: suffix ? [] : own } },
            digest: own.map(({ dist }) => dist.reference).join(),
          };
    const body = JSON.stringify(withOurDists(description, ask.base));
    return { headers: { ...json, etag: `"${sha256Of(`${digest} ${ask.base} ${name}`)}"` }, body };
  }

  private async archive(team: string, name: string, file: string): Promise<Served> {
    const { cache, store, limits, upstreams } = this.tools;
    const key = file.slice(0, 40);
    const own = await this.own(team, name);
    if (own.length > 0) {
      const path = own.find(({ dist }) => dist.reference === key)?.dist.url;
      const record = path === undefined ? null : store.find(team, 'composer', path);
      if (record) return servedOf(record, store);
      throw new AppError('NOT_FOUND', `${name} has no archive ${file}`);
    }
    const path = `dist/${name}/${file}`;
    const common = { format: 'composer', name, path, maxAgeMs: null, limitBytes: limits.fileMb * 2 ** 20 };
    const [first] = upstreams;
    if (first && cache.find('composer', path)) return cache.open({ ...common, upstream: first, url: path });
    const { upstream, url, commit, sha1 } = await this.findArchive(name, key);
    return cache.open({
      ...common,
      upstream,
      url: publicUrlOf(url),
      ...(sha1 ? { digests: { sha1 } } : {}),
      inspect: (sent) => (file.endsWith('.zip') ? inspectArchive(sent, commit) : Promise.resolve(undefined)),
    });
  }

  private async findArchive(name: string, key: string): Promise<Dist & { readonly upstream: Upstream }> {
    for (const suffix of ['', '~dev']) {
      const found = await this.describedBy(name, suffix).catch(orNothing);
      const dist = found && findDist(found.description, key);
      if (dist) return { ...dist, upstream: found.upstream };
    }
    throw new AppError('NOT_FOUND', `${name} has no archive ${key}`);
  }

  /** From the first repository that knows the package. */
  private describedBy(name: string, suffix: string): Promise<Described> {
    const { cache, upstreams, limits } = this.tools;
    return ofFirst(upstreams, `package ${name}`, async (upstream, position) => {
      const { text, digest } = await cache.text({
        format: 'composer',
        name: '',
        path: `p2/${name}${suffix}/-index-${position}`,
        upstream,
        url: await this.metadataUrl(upstream, position, `${name}${suffix}`),
        maxAgeMs: limits.indexMaxAgeMs,
        limitBytes: limits.indexMb * 2 ** 20,
      });
      return { description: parseDescription(text, name), upstream, digest };
    });
  }

  /** Where an upstream has its descriptions, as its packages.json says. */
  private async metadataUrl(upstream: Upstream, position: number, name: string): Promise<string> {
    const { cache, limits } = this.tools;
    const root = await cache
      .text({
        format: 'composer',
        name: '',
        path: `packages.json/-index-${position}`,
        upstream,
        url: 'packages.json',
        maxAgeMs: limits.indexMaxAgeMs,
        limitBytes: limits.indexMb * 2 ** 20,
      })
      .catch(orNothing);
    const [, template] = /"metadata-url"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(root?.text ?? '') ?? [];
    if (!template) throw new AppError('UNAVAILABLE', `${upstream.url} is not a repository of Composer 2`);
    return (JSON.parse(template) as string).replaceAll('%package%', name);
  }

  private async own(team: string, name: string): Promise<OwnVersion[]> {
    if (team === '') return [];
    const { store } = this.tools;
    const records = store.list(team, 'composer', `p2/${name}/`);
    return Promise.all(records.map(async (one) => JSON.parse(await readText(store.read(one))) as OwnVersion));
  }
}

interface Described {
  readonly description: Description;
  readonly upstream: Upstream;
  /** Of the text that it was read from. */
  readonly digest: string;
}

/** A version's composer.json and its archive, as they were put together when it was published. */
interface OwnVersion extends Manifest {
  readonly version: string;
  readonly dist: OwnDist;
}

interface OwnDist extends Readonly<Record<string, unknown>> {
  readonly type: string;
  readonly url: string;
  readonly reference: string;
}

/** GitHub asks strangers seldom enough only at the address that its own one leads those who are known to. */
function publicUrlOf(url: string): string {
  return url.replace(
    /^https:\/\/api\.github\.com\/repos\/([^/]+\/[^/]+)\/zipball\/([0-9a-f]{40})$/,
    'https://codeload.github.com/$1/legacy.zip/$2',
  );
}

function orNothing(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}
