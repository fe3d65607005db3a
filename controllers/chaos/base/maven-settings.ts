import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { clientDefaults } from '@skyarc/lib/contracts';
import { findAll, parseXml, textAt } from './xml.ts';

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

/** What sandboxes find at their own door, packages of ours among it. */
const sandboxHosts = '10.0.2.*';

export interface JavaProxy {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
  /** Patterns of hosts without it, as Java's `http.nonProxyHosts` has them. */
  readonly except: string;
}

/** The proxies of other clients for Java's, which do not know the usual variables. */
export function javaProxiesOf(env: Readonly<Record<string, string>>): readonly JavaProxy[] {
  const none = (env['no_proxy'] ?? env['NO_PROXY'] ?? '').split(',').filter(Boolean);
  return ['http', 'https'].flatMap((scheme) => {
    const proxy = env[`${scheme}_proxy`] ?? env[`${scheme.toUpperCase()}_PROXY`];
    if (!proxy || !URL.canParse(proxy)) return [];
    const { hostname, port } = new URL(proxy);
    return [{ scheme, host: hostname, port: port || '80', except: [...none, sandboxHosts].join('|') }];
  });
}

/**
 * Global settings for a build: Maven Central by the mirror that SKYARC_MAVEN_URL names within the build, if it is
 * set, and proxies as for other clients. With `isClosed` every repository is asked for there, as no other is reached.
 */
export function renderMavenSettings(env: Readonly<Record<string, string>>, isClosed = false): string {
  const mirror = env['SKYARC_MAVEN_URL'] ?? '';
  const proxies = javaProxiesOf(env).map(({ scheme, host, port, except }) => {
    const place = `<protocol>${scheme}</protocol><host>${escape(host)}</host><port>${port}</port>`;
    return `<proxy><id>${scheme}</id>${place}<nonProxyHosts>${escape(except)}</nonProxyHosts></proxy>`;
  });
  return [
    '<settings>',
    '<interactiveMode>false</interactiveMode>',
    `<proxies>${proxies.join('')}</proxies>`,
    ...(mirror ? [mirrorOf(isClosed ? '*' : 'central')] : []),
    ...(mirror.startsWith('file:') ? [withoutChecksums] : []),
    '</settings>',
    '',
  ].join('\n');
}

/** Maven fills in the variable itself. */
const mirrorOf = (repositories: string): string => `<mirrors><mirror>
  <id>skyarc</id><mirrorOf>${repositories}</mirrorOf><url>\${env.SKYARC_MAVEN_URL}</url>
</mirror></mirrors>`;

const central = `<id>central</id><url>${clientDefaults.maven}</url><releases><checksumPolicy>ignore</checksumPolicy></releases>`;
/** Debian's repository on disk has no checksums, which Maven would complain of at length. */
const withoutChecksums = `<profiles><profile>
  <id>local</id>
  <repositories><repository>${central}</repository></repositories>
  <pluginRepositories><pluginRepository>${central}</pluginRepository></pluginRepositories>
</profile></profiles>
<activeProfiles><activeProfile>local</activeProfile></activeProfiles>`;

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
