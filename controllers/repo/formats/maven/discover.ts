import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { clientDefaults } from '@skyarc/lib/contracts';
import type { Upstream } from '../../store/upstream.ts';
import { upstreamOf, withLogin } from '../../upstreams.ts';

/** The mirror of central in Maven's settings, with its server's credentials; central itself otherwise. */
export async function discover(): Promise<readonly Upstream[]> {
  const files = [join(homedir(), '.m2/settings.xml'), '/etc/maven/settings.xml'];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return [texts.map(findMirror).find((one) => one !== null) ?? upstreamOf(clientDefaults.maven)];
}

/** Pure: what settings.xml names for central, or null. */
export function findMirror(settings: string): Upstream | null {
  const text = settings.replace(/<!--[\s\S]*?-->/g, '');
  const blocks = (name: string) =>
    [...text.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))].map((one) => one[1] as string);
  const mirror = blocks('mirror').find((block) => {
    const of = at(block, 'mirrorOf')
      .split(',')
      .map((one) => one.trim());
    const isAsked =
      of.some((one) => ['*', 'central', 'external:*'].includes(one)) && !of.includes('!central');
    return isAsked && at(block, 'blocked') !== 'true' && /^https?:/.test(at(block, 'url'));
  });
  if (!mirror) return null;
  const upstream = upstreamOf(at(mirror, 'url'));
  const server = blocks('server').find((block) => at(block, 'id') === at(mirror, 'id'));
  const [user, password] = server ? [at(server, 'username'), at(server, 'password')] : [];
  // A password in braces is encrypted with a key that is Maven's own.
  if (!user || !password || /^\{.*\}$/.test(password)) return upstream;
  return withLogin(upstream, `${user}:${password}`);
}

function at(block: string, name: string): string {
  return unescape(new RegExp(`<${name}>\\s*([\\s\\S]*?)\\s*</${name}>`).exec(block)?.[1] ?? '');
}

function unescape(text: string): string {
  return text.replace(
    /&(lt|gt|quot|apos|amp);/g,
    (_, name: string) => ({ lt: '<', gt: '>', quot: '"', apos: "'" })[name] ?? '&',
  );
}
