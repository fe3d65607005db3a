import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { uriHost } from '@skyarc/lib/address';
import { parseConfig } from '@skyarc/lib/config';
import { messageOf } from '@skyarc/lib/errors';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import { Access } from './access.ts';
import { type RepoConfig, repoConfigSchema, type ResolvedRepoConfig } from './config.ts';
import type { Format } from './formats/format.ts';
import { incomingFolderOf } from './formats/published-files.ts';
import { type FormatName, formats } from './formats/registry.ts';
import { RepoMetrics } from './metrics.ts';
import { RepoServer } from './server.ts';
import { BlobStore } from './store/blobs.ts';
import { FileCache } from './store/cache.ts';
import { Catalogue } from './store/catalogue.ts';
import { PrivateStore } from './store/private-store.ts';
import { type Upstream, UpstreamClient } from './store/upstream.ts';
import { upstreamOf } from './upstreams.ts';

export { type RepoConfig, repoConfigSchema } from './config.ts';
export { upstreamEnvironmentOf } from './upstreams.ts';

const log = createLogger('repo');
const flushEveryMs = 10_000;

/** Serves packages from upstreams and those of teams; `url` is the one address of all formats. */
export async function start(input: RepoConfig): Promise<RunningService> {
  const config = parseConfig('repo', repoConfigSchema, input);
  const { dataDir, limits, clientEnv } = config;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const stack = new Stack();
  try {
    const catalogue = stack.use(new Catalogue(join(dataDir, 'catalogue.db')), (one) => one.close());
    const blobs = await BlobStore.open(join(dataDir, 'files'));
    const client = stack.use(
      new UpstreamClient({
        env: clientEnv,
        timeoutMs: limits.upstreamTimeoutMs,
        restMs: limits.upstreamRestMs,
      }),
      (one) => one.close(),
    );
    const registry = createRegistry('repo');
    const metrics = new RepoMetrics(registry, () => catalogue.cachedBytes());
    const cache = new FileCache({ blobs, catalogue, client, metrics, limitBytes: limits.cacheMb * 2 ** 20 });
    const store = new PrivateStore({ blobs, catalogue, cache, metrics });
    const open = await Promise.all(
      formats.map(async (format: Format) => {
        const upstreams = await upstreamsFor(format, config);
        log.info({ format: format.name, upstreams: upstreams.map(({ url }) => url) }, 'serves packages');
        const folder = join(dataDir, `${format.name}-private`);
        // What a crash left of files that were being sent.
        await rm(incomingFolderOf({ folder }), { recursive: true, force: true });
        return { format, handler: format.open({ cache, store, catalogue, upstreams, limits, folder }) };
      }),
    );
    const server = stack.use(
      new RepoServer({ access: new Access(config.grantKey, config.anonymousRead), catalogue, formats: open }),
      (one) => one.stop(),
    );
    const port = await server.listen(config);
    stack.use(
      await startStatusServer({
        host: config.host,
        port: config.statusPort,
        registry,
        health: () => undefined,
        actions: { 'POST /clean': async () => ({ freedBytes: await cache.halve() }) },
      }),
      (one) => one.stop(),
    );
    const flushing = setInterval(() => catalogue.flush(), flushEveryMs);
    let isStopped = false;
    stack.add(() => {
      isStopped = true;
      clearInterval(flushing);
    });
    cache
      .sweep()
      .then(() => cache.trim())
      .catch((error: unknown) => {
        if (!isStopped) log.warn({ reason: messageOf(error) }, 'cannot tidy the cache');
      });
    return { url: `http://${uriHost(config.host)}:${port}`, stop: () => stack.stop() };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function upstreamsFor(format: Format, config: ResolvedRepoConfig): Promise<readonly Upstream[]> {
  const set = config.upstreams[format.name as FormatName];
  if (set) return set.map(upstreamOf);
  return format.discover(config.clientEnv).catch((error: unknown) => {
    log.warn({ format: format.name, reason: messageOf(error) }, 'cannot tell where its packages come from');
    return [];
  });
}
