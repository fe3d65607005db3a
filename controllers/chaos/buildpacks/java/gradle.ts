import { posix } from 'node:path';
import type { SourceTree } from '../../sources/tree.ts';
import { isPlainPath, type JavaModule, type ResultKind } from './project.ts';
import { majorOf } from './version.ts';

/** Gradle's own program, as a project's wrapper names it. */
export interface GradleWrapper {
  /** Of a distribution that Gradle itself publishes; null: one of somebody else's, or a file beside. */
  readonly version: string | null;
  /** SHA-256 that the project expects of it, or null. */
  readonly sha256: string | null;
}

/** Null without a wrapper that could run. */
export async function readGradleWrapper(source: SourceTree): Promise<GradleWrapper | null> {
  if (!(await source.has('gradlew')) || !(await source.has('gradle/wrapper/gradle-wrapper.jar'))) return null;
  const text = (await source.readText('gradle/wrapper/gradle-wrapper.properties')) ?? '';
  const said = (key: string) => new RegExp(`^\\s*${key}\\s*[=:]\\s*(\\S+)\\s*$`, 'm').exec(text)?.[1];
  const url = said('distributionUrl')?.replaceAll('\\', '') ?? '';
  return {
    version:
      /^https?:\/\/services\.gradle\.org\/.*\/gradle-(\d+(?:\.\d+){1,2})-(?:bin|all)\.zip$/.exec(url)?.[1] ??
      null,
    // That of `-all` is of a file with the documentation, too.
    sha256: url.endsWith('-bin.zip') ? (said('distributionSha256Sum')?.toLowerCase() ?? null) : null,
  };
}

export const gradleSigns = [
  'build.gradle',
  'build.gradle.kts',
  'settings.gradle',
  'settings.gradle.kts',
  'gradlew',
];

/** Projects of a Gradle build that can run, as far as its scripts tell without running them. */
export async function listGradleModules(source: SourceTree): Promise<readonly JavaModule[]> {
  const settings = await scriptOf(source, '.', 'settings');
  const found: JavaModule[] = [];
  for (const path of ['.', ...includedIn(settings)]) {
    const text = await scriptOf(source, path, 'build');
    const made = resultOf(text);
    if (!made) continue;
    const prefix = path === '.' ? '' : `:${path.replaceAll('/', ':')}`;
    const name = path === '.' ? (rootName(settings) ?? '.') : path;
    found.push({ name, path, kind: made.kind, task: `${prefix}:${made.task}`, java: javaOf(text) });
  }
  return found;
}

/** Comments go: what they say is not done. */
async function scriptOf(source: SourceTree, path: string, name: string): Promise<string> {
  const text =
    (await source.readText(posix.join(path, `${name}.gradle`))) ??
    (await source.readText(posix.join(path, `${name}.gradle.kts`))) ??
    '';
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function includedIn(settings: string): string[] {
  const calls = settings.matchAll(/\binclude\s*\(?((?:\s*["'][^"'\n]+["']\s*,?)+)/g);
  const names = [...calls].flatMap((call) => [...(call[1] as string).matchAll(/["']([^"']+)["']/g)]);
  const paths = names.map((match) => (match[1] as string).replace(/^:/, '').replaceAll(':', '/'));
  return [...new Set(paths)].filter(isPlainPath);
}

function rootName(settings: string): string | undefined {
  return /rootProject\.name\s*=\s*["']([\w.-]+)["']/.exec(settings)?.[1];
}

/** The plug-in decides what is made (docs.gradle.org, plugin reference). */
function resultOf(text: string): { readonly kind: ResultKind; readonly task: string } | null {
  const lines = text.split('\n').filter((line) => !/apply\s*\(?\s*false/.test(line));
  const has = (id: string) => {
    const plain = id.replaceAll('.', String.raw`\.`);
    const pattern = new RegExp(
      String.raw`(?:\bid\s*\(?\s*|plugin\s*[:=]\s*|apply\s*\(\s*)["']${plain}["']|^\s*\x60?${plain}\x60?\s*$`,
    );
    return lines.some((line) => pattern.test(line));
  };
  const isWar = has('war');
  if (has('org.springframework.boot'))
    return isWar ? { kind: 'war', task: 'bootWar' } : { kind: 'jar', task: 'bootJar' };
  if (has('io.quarkus')) return { kind: 'quarkus', task: 'quarkusBuild' };
  if (isWar) return { kind: 'war', task: 'war' };
  if (has('com.github.johnrengelman.shadow') || has('com.gradleup.shadow'))
    return { kind: 'jar', task: 'shadowJar' };
  if (has('application')) return { kind: 'distribution', task: 'installDist' };
  return /["']?Main-Class["']?\s*[:,\]=]|["']Main-Class["']/.test(text) ? { kind: 'jar', task: 'jar' } : null;
}

function javaOf(text: string): number | undefined {
  const found =
    /JavaLanguageVersion\.of\(\s*["']?(\d+)/.exec(text) ??
    /jvmToolchain\s*\(\s*(\d+)/.exec(text) ??
    /(?:targetCompatibility|sourceCompatibility)\s*(?:=|\s)\s*(?:JavaVersion\.)?["']?(VERSION_[\d_]+|[\d.]+)/.exec(
      text,
    ) ??
    /options\.release\s*(?:=|\.set\()\s*(\d+)/.exec(text);
  return majorOf(found?.[1]);
}

/**
 * Equal sources make equal archives, and Maven Central is asked by the mirror of the build's room. Where the network is
 * closed every repository is, but for that of Gradle's plug-ins.
 */
export const renderGradleInit = (isClosed: boolean): string => `
def mirror = System.getenv('SKYARC_MAVEN_URL')
def isAsked = { url -> ${isClosed ? String.raw`url.startsWith('http') && url != mirror && !(url ==~ /https:\/\/plugins\.gradle\.org\/m2\/?/)` : String.raw`url ==~ /https?:\/\/repo1?\.maven\.(apache\.)?org\/maven2\/?/`} }
def redirect = { repositories ->
  if (mirror) repositories.all { repository ->
    if (repository instanceof org.gradle.api.artifacts.repositories.MavenArtifactRepository
        && isAsked(repository.url.toString())) {
      repository.url = mirror
      if (mirror.startsWith('http:') && repository.hasProperty('allowInsecureProtocol')) repository.allowInsecureProtocol = true
    }
  }
}
settingsEvaluated { settings ->
  if (settings.hasProperty('pluginManagement')) redirect(settings.pluginManagement.repositories)
  if (settings.hasProperty('dependencyResolutionManagement')) redirect(settings.dependencyResolutionManagement.repositories)
}
allprojects {
  redirect(buildscript.repositories)
  redirect(repositories)
  tasks.withType(AbstractArchiveTask) {
    preserveFileTimestamps = false
    reproducibleFileOrder = true
  }
}
`;
