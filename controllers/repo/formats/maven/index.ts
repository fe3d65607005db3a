import { createHash } from 'node:crypto';
import { AppError, isNotFound } from '@skyarc/lib/errors';
import { mustPublish } from '../../access.ts';
import type { Wanted } from '../../store/cache.ts';
import type { Digests } from '../../store/digests.ts';
import type { Upstream } from '../../store/upstream.ts';
import { type Answer, type Ask, type Handler, ofFirst, servedOf, type Tools } from '../format.ts';
import { takePut } from '../published-files.ts';
import { type MavenPath, parseMavenPath } from './coordinates.ts';

export { discover } from './discover.ts';
export const name = 'maven';
export const title = 'Maven';
export const setup = (base: string): string =>
  `<mirror><id>skyarc</id><mirrorOf>*</mirrorOf><url>${base}/</url></mirror>   in ~/.m2/settings.xml`;
export const open = (tools: Tools): Handler => new MavenHandler(tools);

const text = { 'content-type': 'text/plain; charset=utf-8' };
/** How long a snapshot is served before the upstream is asked again. */
const snapshotAgeMs = 60_000;

/** A Maven repository; checksum files are always those of the files that are served. */
class MavenHandler implements Handler {
  private readonly tools: Tools;

  constructor(tools: Tools) {
    this.tools = tools;
  }

  async handle(ask: Ask): Promise<Answer> {
    const path = parseMavenPath(ask.parts);
    if (path === null || ask.hasFinalSlash)
      throw new AppError('NOT_FOUND', 'There is no such file in a Maven repository');
    const { method, caller } = ask;
    if (method === 'PUT') return path.checksum ? this.compare(ask, path) : this.deploy(ask, path);
    if (method !== 'GET' && method !== 'HEAD')
      throw new AppError('INVALID', 'A Maven repository is read, or deployed to');
    const { store } = this.tools;
    const target = path.checksum?.of ?? path.path;
    if (caller.team !== '' && store.has(caller.team, 'maven', `${path.artifactFolder}/`)) {
      const own = store.find(caller.team, 'maven', target);
      if (!own) throw new AppError('NOT_FOUND', `There is no ${path.path}`);
      if (!path.checksum) return { body: servedOf(own, store) };
      return { headers: text, body: await digestOf(store.read(own), path.checksum.algorithm) };
    }
    return this.fromUpstream(path, target);
  }

  private fromUpstream(path: MavenPath, target: string): Promise<Answer> {
    const { cache, upstreams } = this.tools;
    return ofFirst(upstreams, path.path, async (upstream): Promise<Answer> => {
      const wanted = await this.wantedOf(upstream, path, target);
      if (!path.checksum) return { body: await cache.open(wanted) };
      const record = await cache.file(wanted);
      const stream = await cache.serve(record, false).stream();
      return { headers: text, body: await digestOf(stream, path.checksum.algorithm) };
    });
  }

  private async wantedOf(upstream: Upstream, path: MavenPath, target: string): Promise<Wanted> {
    const { cache, limits } = this.tools;
    const isChanging = path.isMetadata || path.isSnapshot;
    const common = {
      format: 'maven',
      name: path.isMetadata ? '' : path.name,
      path: target,
      upstream,
      url: target.split('/').map(encodeURIComponent).join('/'),
    };
    if (isChanging) {
      const maxAgeMs = path.isSnapshot ? Math.min(snapshotAgeMs, limits.indexMaxAgeMs) : limits.indexMaxAgeMs;
      return { ...common, maxAgeMs, limitBytes: limits.fileMb * 2 ** 20 };
    }
    const limitBytes = limits.fileMb * 2 ** 20;
    if (cache.find('maven', target)) return { ...common, maxAgeMs: null, limitBytes };
    const digests = await this.checksumsOf(common);
    return { ...common, maxAgeMs: null, limitBytes, digests };
  }

  /** A checksum that the upstream has beside a file: SHA-1, which every repository has, or another. */
  private async checksumsOf(of: Pick<Wanted, 'format' | 'path' | 'upstream' | 'url'>): Promise<Digests> {
    for (const kind of ['sha1', 'sha256', 'md5'] as const) {
      const found = await this.tools.cache
        .text({
          ...of,
          name: '',
          path: `${of.path}.${kind}`,
          url: `${of.url}.${kind}`,
          maxAgeMs: null,
          limitBytes: 4096,
        })
        .catch((error: unknown) => {
          if (isNotFound(error)) return null;
          throw error;
        });
      const digest = /\b[0-9a-f]{32,128}\b/i.exec(found?.text ?? '')?.[0];
      if (digest) return { [kind]: digest.toLowerCase() };
    }
    throw new AppError('NOT_FOUND', `There is no ${of.path} with a checksum`);
  }

  private deploy(ask: Ask, path: MavenPath): Promise<Answer> {
    return takePut(ask, this.tools, {
      format: 'maven',
      name: path.isMetadata ? '' : path.name,
      path: path.path,
      mayReplace: path.isMetadata || path.isSnapshot,
      type:
        path.path.endsWith('.xml') || path.path.endsWith('.pom')
          ? 'application/xml'
          : 'application/octet-stream',
    });
  }

  /** A client sends the checksums of what it deployed: they are compared, not stored. */
  private async compare(ask: Ask, { path, checksum }: MavenPath): Promise<Answer> {
    mustPublish(ask.caller);
    const { store } = this.tools;
    const { of, algorithm } = checksum as NonNullable<MavenPath['checksum']>;
    const own = store.find(ask.caller.team, 'maven', of);
    if (!own) throw new AppError('INVALID', `Deploy ${of} before its checksum`);
    let sent = '';
    for await (const chunk of ask.request) sent = (sent + String(chunk)).slice(0, 4096);
    const found = await digestOf(store.read(own), algorithm);
    if (!sent.toLowerCase().includes(found))
      throw new AppError('INVALID', `${path} is not the checksum of the file that arrived`);
    return { status: 201, body: '' };
  }
}

async function digestOf(stream: AsyncIterable<Uint8Array>, algorithm: string): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}
