import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findAll, parseXml, textAt } from './xml.ts';

/** Maven's own repository. */
export const mavenCentral = 'https://repo.maven.apache.org/maven2';

/** The mirror of Maven Central that this machine's Maven is configured with, if any (settings.xml, mirrors). */
export async function findMavenMirror(
  files: readonly string[] = [join(homedir(), '.m2/settings.xml'), '/etc/maven/settings.xml'],
): Promise<string | undefined> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => null);
    const found = text === null ? undefined : mirrorIn(text);
    if (found) return found;
  }
  return undefined;
}

function mirrorIn(text: string): string | undefined {
  try {
    const mirrors = findAll(parseXml('settings.xml', text), 'mirrors', 'mirror');
    const ofCentral = mirrors.find((mirror) => {
      const patterns = (textAt(mirror, 'mirrorOf') ?? '').split(',').map((part) => part.trim());
      return (
        patterns.some((part) => ['*', 'external:*', 'central'].includes(part)) &&
        !patterns.includes('!central')
      );
    });
    const url = ofCentral && textAt(ofCentral, 'url');
    return url && URL.canParse(url) ? url : undefined;
  } catch {
    return undefined;
  }
}

/** Global settings for a build: Maven Central by the mirror of SKYARC_MAVEN_URL, if that is set, and the proxies. */
export function renderMavenSettings(env: Readonly<Record<string, string>>): string {
  const url = env['SKYARC_MAVEN_URL'];
  const mirror = url
    ? `<mirrors><mirror><id>skyarc</id><mirrorOf>central</mirrorOf><url>${escape(url)}</url></mirror></mirrors>`
    : '';
  const proxies = ['http', 'https'].flatMap((scheme) => {
    const proxy = env[`${scheme}_proxy`] ?? env[`${scheme.toUpperCase()}_PROXY`];
    if (!proxy || !URL.canParse(proxy)) return [];
    const { hostname, port } = new URL(proxy);
    const none = (env['no_proxy'] ?? env['NO_PROXY'] ?? '').replaceAll(',', '|');
    const place = `<protocol>${scheme}</protocol><host>${escape(hostname)}</host><port>${port || '80'}</port>`;
    return [`<proxy><id>${scheme}</id>${place}<nonProxyHosts>${escape(none)}</nonProxyHosts></proxy>`];
  });
  const parts = [
    '<settings>',
    '<interactiveMode>false</interactiveMode>',
    `<proxies>${proxies.join('')}</proxies>`,
  ];
  return [...parts, mirror, '</settings>', ''].join('\n');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
