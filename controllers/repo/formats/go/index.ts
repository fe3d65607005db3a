import { AppError } from '@skyarc/lib/errors';
import { type Answer, type Ask, type Handler, ofFirst, servedOf, type Tools } from '../format.ts';
import { takePut } from '../published-files.ts';
import { GoChecksums } from './checksums.ts';
import { compareVersions, type GoPath, isFixedVersion, parseGoPath, unescapePath } from './module-path.ts';

export { discover } from './discover.ts';
export const name = 'go';
export const title = 'Go';
export const setup = (base: string): string => `go env -w GOPROXY=${base}`;
export const open = (tools: Tools): Handler => new GoHandler(tools);

const text = { 'content-type': 'text/plain; charset=utf-8' };
const json = { 'content-type': 'application/json' };

/** A module proxy, also for the checksum database, whose signed answers are passed on unchanged. */
class GoHandler implements Handler {
  private readonly tools: Tools;
  private readonly checksums: GoChecksums;

  constructor(tools: Tools) {
    this.tools = tools;
    this.checksums = new GoChecksums(tools);
  }

  async handle(ask: Ask): Promise<Answer> {
    const { method, parts, caller } = ask;
    const isRead = method === 'GET' || method === 'HEAD';
    if (isRead && parts[0] === 'sumdb') return this.checksums.handle(parts.slice(1));
    const path = parseGoPath(parts);
    if (path === null || ask.hasFinalSlash)
      throw new AppError('NOT_FOUND', 'There is no such place in a Go proxy');
    if (method === 'PUT') return this.publish(ask, path);
    if (!isRead) throw new AppError('INVALID', 'A Go proxy is read, or files of versions are put there');
    const { store } = this.tools;
    if (caller.team !== '' && store.has(caller.team, 'go', `${path.module}/@v/`))
      return this.own(caller.team, path);
    return this.fromUpstream(path);
  }

  private async publish(ask: Ask, path: GoPath): Promise<Answer> {
    if (path.version === '' || !isFixedVersion(unescapePath(path.version)))
      throw new AppError('INVALID', 'Put the .info, .mod and .zip of a version such as v1.2.3');
    return takePut(ask, this.tools, {
      format: 'go',
      name: unescapePath(path.module),
      path: pathOf(path),
      mayReplace: false,
    });
  }

  private own(team: string, path: GoPath): Answer {
    const { store } = this.tools;
    const prefix = `${path.module}/@v/`;
    if (path.kind === 'list' || path.kind === 'latest') {
      const versions = store
        .list(team, 'go', prefix)
        .filter((one) => one.path.endsWith('.zip'))
        .map((one) => unescapePath(one.path.slice(prefix.length, -'.zip'.length)))
        .toSorted(compareVersions);
      if (path.kind === 'list') return { headers: text, body: versions.map((one) => `${one}\n`).join('') };
      const newest = versions.findLast((one) => !one.includes('-')) ?? versions.at(-1);
      return { headers: json, body: JSON.stringify({ Version: newest }) };
    }
    const found = store.find(team, 'go', pathOf(path));
    if (found) return { body: servedOf(found, store) };
    const isThere = store.find(team, 'go', `${prefix}${path.version}.zip`);
    if (path.kind === 'info' && isThere)
      return { headers: json, body: JSON.stringify({ Version: unescapePath(path.version) }) };
    throw new AppError('NOT_FOUND', `There is no ${pathOf(path)}`);
  }

  private async fromUpstream(path: GoPath): Promise<Answer> {
    const { cache, upstreams, limits } = this.tools;
    const isFixed = path.version !== '' && isFixedVersion(unescapePath(path.version));
    const url = pathOf(path);
    const body = await ofFirst(upstreams, url, (upstream) =>
      cache.open({
        format: 'go',
        name: path.kind === 'zip' ? unescapePath(path.module) : '',
        path: url,
        upstream,
        url,
        maxAgeMs: isFixed ? null : limits.indexMaxAgeMs,
        limitBytes: limits.fileMb * 2 ** 20,
        inspect: (file) => this.checksums.inspect(path, file),
      }),
    );
    return { body };
  }
}

function pathOf({ module, kind, version }: GoPath): string {
  if (kind === 'latest') return `${module}/@latest`;
  return `${module}/@v/${kind === 'list' ? 'list' : `${version}.${kind}`}`;
}
