import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import { AppError, isNotFound } from '@skyarc/lib/errors';
import type { Served, Wanted } from '../../store/cache.ts';
import type { FileRecord } from '../../store/catalogue.ts';
import type { Upstream } from '../../store/upstream.ts';
import { type Answer, type Ask, type Handler, ofFirst, servedOf, type Tools } from '../format.ts';
import { withSentFile } from '../published-files.ts';
import {
  fullVersionOf,
  isGemName,
  linesOf,
  parseInfo,
  renderInfoLine,
  splitFullName,
} from './compact-index.ts';
import { readGem } from './gem-file.ts';

export { discover } from './discover.ts';
export const name = 'rubygems';
export const title = 'Ruby';
export const setup = (base: string): string =>
  `bundle config set --global mirror.https://rubygems.org ${base}/`;
export const open = (tools: Tools): Handler => new RubyGemsHandler(tools);

const text = { 'content-type': 'text/plain; charset=utf-8' };
const fullIndexes = ['specs.4.8.gz', 'latest_specs.4.8.gz', 'prerelease_specs.4.8.gz'];
const rememberedDigests = 10_000;

/** A server of gems by the compact index, and `gem push`. */
class RubyGemsHandler implements Handler {
  private readonly tools: Tools;
  /** MD5 of kept indexes by their digest: clients compare it with what they have. */
  private readonly etags = new Map<string, string>();

  constructor(tools: Tools) {
    this.tools = tools;
  }

  async handle(ask: Ask): Promise<Answer> {
    const { method, parts, caller } = ask;
    const path = parts.join('/');
    if (method === 'POST' && path === 'api/v1/gems') return this.publish(ask);
    if (method !== 'GET' && method !== 'HEAD')
      throw new AppError('INVALID', 'A server of gems is read, or sent to by gem push');
    const [room = '', second = ''] = parts;
    if (path === 'versions') return this.versions(caller.team);
    if (room === 'info' && parts.length === 2 && isGemName(second)) return this.info(caller.team, second);
    if (room === 'gems' && parts.length === 2 && second.endsWith('.gem'))
      return { body: await this.gem(caller.team, second.slice(0, -'.gem'.length)) };
    if (fullIndexes.includes(path)) return { body: await this.asItIs(path) };
    const [, full] = /^quick\/Marshal\.4\.8\/([\w.-]+)\.gemspec\.rz$/.exec(path) ?? [];
    if (full && !this.ownNameOf(caller.team, full)) return { body: await this.asItIs(path) };
    throw new AppError('NOT_FOUND', 'There is no such place in a server of gems');
  }

  private async publish(ask: Ask): Promise<Answer> {
    const { store } = this.tools;
    return withSentFile(ask, this.tools, async (file) => {
      const gem = await readGem(file);
      const full = `${gem.name}-${fullVersionOf(gem)}`;
      const common = { team: ask.caller.team, format: 'rubygems', mayReplace: false, limitBytes: Infinity };
      const { digest } = await store.publish(
        { ...common, name: gem.name, path: `gems/${full}.gem`, type: 'application/octet-stream' },
        createReadStream(file),
      );
      await store.publish(
        { ...common, name: '', path: `info/${gem.name}/${full}`, type: 'text/plain' },
        Readable.from([Buffer.from(renderInfoLine(gem, digest))]),
      );
      return { headers: text, body: `Successfully registered gem: ${gem.name} (${fullVersionOf(gem)})\n` };
    });
  }

  /** All gems with their versions; those of the team last, so that its digests count. */
  private async versions(team: string): Promise<Answer> {
    const { upstreams } = this.tools;
    const own = await this.ownVersions(team);
    const found: { readonly record: FileRecord; readonly served: Served }[] = [];
    for (const upstream of upstreams) {
      try {
        found.push(await this.index(upstream, 'versions'));
      } catch (error) {
        // Whoever has gems of the team only needs no upstream.
        if (own.length === 0 || upstreams.length > 1) throw error;
      }
    }
    const [first] = found;
    if (found.length === 1 && own.length === 0 && first) return { body: first.served };
    const texts = await Promise.all(found.map(async ({ served }) => readText(await served.stream())));
    return present([...texts.flatMap(linesOf), ...own]);
  }

  private async info(team: string, gem: string): Promise<Answer> {
    const own = this.own(team, gem);
    if (own.length > 0) return present(await this.linesOf(own));
    return { body: (await this.infoOf(gem)).served };
  }

  private async gem(team: string, full: string): Promise<Served> {
    const { cache, store, limits, upstreams } = this.tools;
    const path = `gems/${full}.gem`;
    if (this.ownNameOf(team, full)) {
      const own = store.find(team, 'rubygems', path);
      if (own) return servedOf(own, store);
      throw new AppError('NOT_FOUND', `There is no gem ${full}`);
    }
    const common = {
      format: 'rubygems',
      path,
      url: path,
      maxAgeMs: null,
      limitBytes: limits.fileMb * 2 ** 20,
    };
    const kept = cache.find('rubygems', path);
    if (kept && upstreams[0]) return cache.open({ ...common, name: kept.name, upstream: upstreams[0] });
    for (const { name: gem, version } of splitFullName(full)) {
      const found = await this.infoOf(gem).catch((error: unknown) => {
        if (isNotFound(error)) return null;
        throw error;
      });
      if (!found) continue;
      const lines = parseInfo(await readText(await found.served.stream()));
      const sha256 = lines.find((line) => line.version === version)?.sha256;
      if (sha256) return cache.open({ ...common, name: gem, upstream: found.upstream, digests: { sha256 } });
    }
    throw new AppError('NOT_FOUND', `There is no gem ${full}, or its index tells no digest of it`);
  }

  private infoOf(gem: string) {
    return ofFirst(this.tools.upstreams, `gem ${gem}`, async (upstream) => ({
      upstream,
      ...(await this.index(upstream, `info/${gem}`)),
    }));
  }

  /** An index whole on disk, with the validator that Bundler expects of it. */
  private async index(upstream: Upstream, path: string): Promise<{ record: FileRecord; served: Served }> {
    const { cache } = this.tools;
    const record = await cache.file(this.wantedOf(upstream, path));
    const served = cache.serve(record, false);
    return { record, served: { ...served, etag: await this.etagOf(record.digest, served) } };
  }

  private asItIs(path: string): Promise<Served> {
    const { cache, upstreams } = this.tools;
    return ofFirst(upstreams, path, (upstream) => cache.open(this.wantedOf(upstream, path)));
  }

  private wantedOf(upstream: Upstream, path: string): Wanted {
    const { upstreams, limits } = this.tools;
    return {
      format: 'rubygems',
      name: '',
      path: `${path}/-index-${upstreams.indexOf(upstream)}`,
      upstream,
      url: path,
      maxAgeMs: limits.indexMaxAgeMs,
      limitBytes: limits.indexMb * 2 ** 20,
    };
  }

  private async etagOf(digest: string, served: Served): Promise<string> {
    const known = this.etags.get(digest);
    if (known) return known;
    const md5 = createHash('md5');
    for await (const chunk of await served.stream()) md5.update(chunk as Uint8Array);
    const etag = md5.digest('hex');
    if (this.etags.size >= rememberedDigests) this.etags.clear();
    this.etags.set(digest, etag);
    return etag;
  }

  private own(team: string, gem: string): FileRecord[] {
    return team === '' ? [] : this.tools.store.list(team, 'rubygems', `info/${gem}/`);
  }

  /** The team's gem that a file name can be of: then no upstream is asked for it. */
  private ownNameOf(team: string, full: string): string | undefined {
    return splitFullName(full).find((one) => this.own(team, one.name).length > 0)?.name;
  }

  private async ownVersions(team: string): Promise<string[]> {
    if (team === '') return [];
    const gems = Map.groupBy(
      this.tools.store.list(team, 'rubygems', 'info/'),
      ({ path }) => path.split('/')[1] as string,
    );
    return Promise.all(
      [...gems].map(async ([gem, records]) => {
        const lines = await this.linesOf(records);
        const versions = parseInfo(lines.join('\n')).map(({ version }) => version);
        return `${gem} ${versions.join(',')} ${hash('md5', bodyOf(lines), 'hex')}`;
      }),
    );
  }

  private linesOf(records: readonly FileRecord[]): Promise<string[]> {
    return Promise.all(records.map((one) => readText(this.tools.store.read(one))));
  }
}

function bodyOf(lines: readonly string[]): string {
  return `---\n${lines.map((line) => `${line}\n`).join('')}`;
}

function present(lines: readonly string[]): Answer {
  const body = bodyOf(lines);
  return { headers: { ...text, etag: `"${hash('md5', body, 'hex')}"` }, body };
}
