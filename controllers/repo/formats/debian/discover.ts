import { run } from '@skyarc/lib/process';
import type { Upstream } from '../../store/upstream.ts';
import { upstreamsOf } from '../../upstreams.ts';

/** The sites of apt's sources. */
export async function discover(): Promise<readonly Upstream[]> {
  const answer = await run('apt-get', ['indextargets', '--format', '$(SITE)'], { timeoutMs: 20_000 }).catch(
    () => null,
  );
  return [...new Set((answer?.stdout ?? '').split('\n'))].flatMap(upstreamsOf);
}

/** What each site is called below our address: the last part of its path, or its host. */
export function nameSites(upstreams: readonly Upstream[]): Map<string, Upstream> {
  const named = new Map<string, Upstream>();
  for (const upstream of upstreams) {
    const url = new URL(upstream.url);
    const short = url.pathname.split('/').findLast((part) => /^[\w.-]+$/.test(part)) ?? url.hostname;
    const name = named.has(short) || short === 'private' ? `${url.hostname}-${short}` : short;
    named.set(name, upstream);
  }
  return named;
}
