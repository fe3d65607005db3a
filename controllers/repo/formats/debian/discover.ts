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

/** Debian's own addresses, which images of it name whatever mirror this machine has: the name of the site. */
const publicSites =
  /^https?:\/\/(?:deb|security|ftp(?:\.[a-z]{2})?)\.debian\.org\/(debian(?:-security)?)\/(.+)$/;

/** Path at a site for a file of one of Debian's own addresses; null when the site is not there. */
export function locatePublic(sites: ReadonlyMap<string, Upstream>, url: string): string | null {
  const [, name = '', within] = publicSites.exec(url) ?? [];
  return within !== undefined && sites.has(name) ? `${name}/${within}` : null;
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
