import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, cp, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { clientDefaults } from '@skyarc/lib/contracts';
import type { Runtimes } from '../runtimes.ts';
import type { SharedLayer, Tool } from '../store.ts';
import { renderTrustStore } from '../trust-store.ts';
import { ZipFile } from '../zip.ts';

/** The Java that this Debian release carries; it compiles for older ones too. */
export const javaVersion = 17;

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
export const javaHome = `/usr/lib/jvm/java-${javaVersion}-openjdk-${architecture}`;

/** What apps run on. */
export function jre(runtimes: Runtimes): Promise<SharedLayer> {
  return runtimes.runtime(`java-${javaVersion}-jre`, (root, scratch) =>
    installJre(runtimes, [], { root, scratch }),
  );
}

interface Place {
  readonly root: string;
  readonly scratch: string;
}

async function installJre(
  runtimes: Runtimes,
  more: readonly string[],
  { root, scratch }: Place,
): Promise<void> {
  await runtimes.installPackages([`openjdk-${javaVersion}-jre-headless`, ...more], root, scratch);
  // The package's own store has the time of its making in it.
  const trusted = await readFile(join(runtimes.base.root, 'etc/ssl/certs/ca-certificates.crt'), 'utf8');
  await mkdir(join(root, 'etc/ssl/certs/java'), { recursive: true });
  await writeFile(join(root, 'etc/ssl/certs/java/cacerts'), renderTrustStore(trusted));
}

/** Layers that a build with a JDK runs on, the highest first, and how its tool is called. */
export interface JavaTools {
  readonly layers: readonly Tool[];
  readonly command: string;
  /** File of Maven's global settings. */
  readonly settings: string | null;
  /** For a person. */
  readonly title: string;
}

async function jdk(runtimes: Runtimes): Promise<readonly Tool[]> {
  const run = await jre(runtimes);
  const packages = [`openjdk-${javaVersion}-jdk-headless`];
  return [await runtimes.debianTool(`java-${javaVersion}-jdk`, packages, [run]), run];
}

/** Plug-ins of Maven's own life cycle, for machines that reach no Maven repository but Debian's packages. */
const debianPlugins =
  words(`libmaven-clean-plugin-java libmaven-compiler-plugin-java libmaven-install-plugin-java
  libmaven-jar-plugin-java libmaven-resources-plugin-java libmaven-war-plugin-java libsurefire-java`);

/**
 * Maven of a version, from the Maven repository, or Debian's when none is asked for or it cannot be got; then
 * `say` tells why. With a `file:` repository Debian's packaged plug-ins are there too.
 */
export async function maven(
  runtimes: Runtimes,
  version: string | null,
  say: (line: string) => void,
): Promise<JavaTools> {
  const under = await jdk(runtimes);
  const repository = runtimes.env['SKYARC_MAVEN_URL'] ?? clientDefaults.maven;
  const isLocal = repository.startsWith('file:');
  if (version !== null && !isLocal) {
    try {
      const made = await runtimes.tool(`maven-${version}`, (root, scratch) =>
        fetchMaven(repository, version, { root, scratch }),
      );
      return mavenTools([made, ...under], '/opt/maven', `Maven ${version}`);
    } catch (error) {
      say(`Maven ${version} of the wrapper cannot be got (${messageOf(error)}): Debian's is used`);
    }
  }
  const packages = ['maven', ...(isLocal ? debianPlugins : [])];
  const made = await runtimes.debianTool(isLocal ? 'maven-debian-plugins' : 'maven-debian', packages, under);
  return mavenTools([made, ...under], '/usr/share/maven', "Debian's Maven");
}

function mavenTools(layers: readonly Tool[], home: string, title: string): JavaTools {
  return { layers, command: `${home}/bin/mvn`, settings: `${home}/conf/settings.xml`, title };
}

/**
 * Gradle of the version that a source's wrapper names, from Gradle's own host or the mirror of it in SKYARC_GRADLE_URL;
 * a wrapper that names another place runs itself. Debian's, which is old, without a wrapper. Throws INVALID when a
 * version cannot be got.
 */
export async function gradle(
  runtimes: Runtimes,
  wrapper: { readonly version: string | null; readonly sha256: string | null } | null,
): Promise<JavaTools> {
  const under = await jdk(runtimes);
  if (wrapper?.version) {
    const { version, sha256 } = wrapper;
    const made = await runtimes
      .tool(`gradle-${version}`, (root, scratch) =>
        fetchGradle(runtimes.env['SKYARC_GRADLE_URL'] ?? clientDefaults.gradle, version, { root, scratch }),
      )
      .catch((cause: unknown) => {
        throw new AppError('INVALID', noGradle(version, messageOf(cause)), { cause });
      });
    const found = (await readFile(join(made.root, gradleSum), 'utf8')).trim();
    if (sha256 !== null && sha256 !== found)
      throw new AppError('INVALID', noGradle(version, `its SHA-256 is ${found}, not the wrapper's`));
    return {
      layers: [made, ...under],
      command: '/opt/gradle/bin/gradle',
      settings: null,
      title: `Gradle ${version}`,
    };
  }
  if (wrapper) return { layers: under, command: './gradlew', settings: null, title: 'the Gradle wrapper' };
  const made = await runtimes.debianTool('gradle-debian', ['gradle'], under);
  return {
    layers: [made, ...under],
    command: '/usr/bin/gradle',
    settings: null,
    title: "Debian's Gradle 4.4",
  };
}

/** The small parts of systemd make its user, so that systemd itself stays out. */
const tomcatPackages = ['tomcat10', 'systemd-standalone-sysusers', 'systemd-standalone-tmpfiles'];

/** The JRE with Tomcat 10 and a start program for one web application; Jakarta EE 10 (Servlet 6). */
export function tomcat(runtimes: Runtimes): Promise<SharedLayer> {
  return runtimes.runtime(`tomcat10-java-${javaVersion}`, async (root, scratch) => {
    await installJre(runtimes, tomcatPackages, { root, scratch });
    const conf = join(root, 'opt/tomcat/conf');
    await mkdir(conf, { recursive: true });
    await mkdir(join(root, 'usr/local/bin'), { recursive: true });
    await cp(join(import.meta.dirname, 'tomcat-server.xml'), join(conf, 'server.xml'));
    await cp(join(root, 'usr/share/tomcat10/etc/web.xml'), join(conf, 'web.xml'));
    const program = join(root, 'usr/local/bin/serve-war');
    await cp(join(import.meta.dirname, 'serve-war.sh'), program);
    await chmod(program, 0o755);
  });
}

/** The tool that makes a web application for Java EE 8 (javax.servlet) one for Jakarta EE; for builds only. */
export async function jakartaMigration(runtimes: Runtimes): Promise<readonly Tool[]> {
  const run = await jre(runtimes);
  return [await runtimes.debianTool('tomcat-migration', ['tomcat-jakartaee-migration'], [run]), run];
}

const gradleSum = 'opt/gradle.sha256';

function noGradle(version: string, reason: string): string {
  return `Gradle ${version} of the wrapper cannot be got: ${reason}. Name a mirror in SKYARC_GRADLE_URL, or commit the distribution beside gradle-wrapper.properties and name it there (distributionUrl=<file name>), or remove the wrapper to build with Debian's Gradle`;
}

async function fetchGradle(host: string, version: string, { root, scratch }: Place): Promise<void> {
  const url = `${host.replace(/\/+$/, '')}/gradle-${version}-bin.zip`;
  const file = join(scratch, 'gradle.zip');
  const expected = (await (await get(`${url}.sha256`)).text()).trim();
  const found = await download(url, file, 'sha256');
  if (found !== expected) throw new AppError('INVALID', 'it is not what its checksum says');
  await unpack(file, join(root, 'opt/gradle'), { name: `gradle-${version}`, programs: 'bin/gradle' });
  await writeFile(join(root, gradleSum), found);
}

async function fetchMaven(repository: string, version: string, { root, scratch }: Place): Promise<void> {
  const name = `apache-maven-${version}`;
  const url = `${repository.replace(/\/+$/, '')}/org/apache/maven/apache-maven/${version}/${name}-bin.zip`;
  const file = join(scratch, 'maven.zip');
  const expected = (await (await get(`${url}.sha512`)).text()).trim().split(/\s+/)[0];
  if ((await download(url, file, 'sha512')) !== expected)
    throw new AppError('INVALID', 'it is not what its checksum says');
  await unpack(file, join(root, 'opt/maven'), { name, programs: 'bin/mvn*' });
}

/** Answers the file's checksum. */
async function download(url: string, file: string, algorithm: 'sha256' | 'sha512'): Promise<string> {
  await pipeline(Readable.fromWeb((await get(url)).body as never), createWriteStream(file));
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** What is below the folder `name` of the archive, which goes. */
async function unpack(
  file: string,
  home: string,
  { name, programs }: { readonly name: string; readonly programs: string },
): Promise<void> {
  await mkdir(home, { recursive: true });
  await using zip = await ZipFile.open(file);
  await zip.extract(home, (path) => (path.startsWith(`${name}/`) ? path.slice(name.length + 1) : null));
  for await (const path of glob(programs, { cwd: home })) await chmod(join(home, path), 0o755);
  await rm(file);
}

async function get(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(300_000) });
  if (response.ok && response.body) return response;
  await response.body?.cancel();
  throw new AppError('UNAVAILABLE', `${new URL(url).host} answered ${response.status}`);
}

function words(text: string): string[] {
  return text.split(/\s+/);
}
