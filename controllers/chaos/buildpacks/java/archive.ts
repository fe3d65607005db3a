import { rename, rm } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { AppError } from '@skyarc/lib/errors';
import { javaVersion } from '../../base/runtimes/java.ts';
import { type PackedFile, writeZip, ZipFile } from '../../base/zip.ts';
import { javaOfClass } from './version.ts';

const manifestName = 'META-INF/MANIFEST.MF';
const largestManifest = 4 << 20;

/** What starts an archive. */
export interface ArchiveFacts {
  /** Attributes of its manifest's main section. */
  readonly manifest: Readonly<Record<string, string>>;
  readonly mainClass: string | null;
  /** Spring Boot's: its packages lie within, and a launcher finds them. */
  readonly isSpringBoot: boolean;
  /** Newest Java version among the classes that were looked at. */
  readonly java: number | undefined;
  readonly isWebApp: boolean;
  /** Written for Java EE 8 or older, whose packages are called javax. */
  readonly isJavax: boolean;
}

/** Throws INVALID when it is not an archive, or was compiled for a newer Java than there is. */
export async function examineArchive(path: string, shownName: string): Promise<ArchiveFacts> {
  await using zip = await ZipFile.open(path);
  const manifest = await readManifest(zip);
  const mainClass = manifest['Main-Class'] ?? null;
  const isSpringBoot = mainClass?.startsWith('org.springframework.boot.loader.') ?? false;
  const classes = [...zip.entries.values()].filter(
    ({ name }) => name.endsWith('.class') && !name.startsWith('META-INF/') && !name.includes('module-info'),
  );
  const own = classes.filter(({ name }) => !name.startsWith('org/springframework/boot/loader/'));
  const looked = await Promise.all(own.slice(0, 200).map((entry) => zip.read(entry, largestManifest)));
  const versions = looked.flatMap((bytes) => javaOfClass(bytes) ?? []);
  const java = versions.length > 0 ? Math.max(...versions) : undefined;
  if (java !== undefined && java > javaVersion) {
    throw new AppError(
      'INVALID',
      `${shownName} was compiled for Java ${java}, and there is ${javaVersion}, the one that Debian carries; compile it for ${javaVersion} or less, or use a Dockerfile`,
    );
  }
  const hasWebInf = [...zip.entries.keys()].some((name) => name.startsWith('WEB-INF/'));
  const text = zip.entries.get('WEB-INF/web.xml');
  const webXml = text ? String(await zip.read(text, largestManifest)) : '';
  const isJavax =
    /java\.sun\.com\/xml\/ns|xmlns\.jcp\.org\/xml\/ns/.test(webXml) ||
    looked.some((bytes) => bytes.includes('javax/servlet/'));
  return {
    manifest,
    mainClass: mainClass !== null && /^[\w.$]+$/.test(mainClass) ? mainClass : null,
    isSpringBoot,
    java,
    isWebApp: hasWebInf && !isSpringBoot,
    isJavax,
  };
}

/** Lines of the first section, with those that go on in the next joined (JAR file specification). */
async function readManifest(zip: ZipFile): Promise<Record<string, string>> {
  const entry = zip.entries.get(manifestName);
  if (!entry) return {};
  const text = String(await zip.read(entry, largestManifest))
    .replace(/\r\n?/g, '\n')
    .replace(/\n /g, '');
  const [main = ''] = text.split('\n\n');
  return Object.fromEntries(
    main.split('\n').flatMap((line) => {
      const at = line.indexOf(': ');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 2).trim()]] : [];
    }),
  );
}

/** Answers which files of an archive are packages of others, which change seldom. */
export async function dependenciesOf(path: string): Promise<(name: string) => boolean> {
  await using zip = await ZipFile.open(path);
  const index = zip.entries.get('BOOT-INF/layers.idx') ?? zip.entries.get('WEB-INF/layers.idx');
  const layers = index ? parseLayers(String(await zip.read(index, largestManifest))) : [];
  return (name) => {
    const found = layers.find(
      ({ prefix }) => name === prefix || (prefix.endsWith('/') && name.startsWith(prefix)),
    );
    if (found) return !['application', 'snapshot-dependencies'].includes(found.layer);
    if (name.startsWith('org/springframework/boot/loader/')) return true;
    return /^(?:BOOT|WEB)-INF\/lib(?:-provided)?\/[^/]+\.jar$/.test(name) && !name.includes('-SNAPSHOT');
  };
}

/** Spring Boot's layers.idx: `- "layer":` and its places below, the longest first here. */
function parseLayers(text: string): { layer: string; prefix: string }[] {
  let layer = '';
  const found: { layer: string; prefix: string }[] = [];
  for (const line of text.split('\n')) {
    const [, indent, name, colon] = /^( *)- "([^"]+)"(:?)\s*$/.exec(line) ?? [];
    if (name === undefined) continue;
    if (colon && !indent) layer = name;
    else found.push({ layer, prefix: name });
  }
  return found.toSorted((a, b) => b.prefix.length - a.prefix.length);
}

/** Packs an archive anew, so that equal contents are equal bytes: fixed times, names in order, no dates in it. */
export async function normalizeArchive(path: string): Promise<void> {
  const partial = `${path}.partial`;
  {
    await using zip = await ZipFile.open(path);
    if (zip.entries.size > 65_000) return;
    const names = [...zip.entries.keys()].toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
    const files: PackedFile[] = [];
    for (const name of names) {
      const entry = zip.entries.get(name);
      if (!entry) continue;
      if (!/^META-INF\/maven\/.*pom\.properties$/.test(name))
        files.push({ ...entry, bytes: await zip.readStored(entry) });
      else files.push(stored(name, withoutComments(String(await zip.read(entry, largestManifest)))));
    }
    // Whatever a build left under that name, even a link.
    await rm(partial, { recursive: true, force: true });
    await writeZip(partial, files);
  }
  await rm(path);
  await rename(partial, path);
}

/** Java looks for the manifest at the beginning only. */
function rank(name: string): number {
  return name === 'META-INF/' ? 0 : name === manifestName ? 1 : 2;
}

function withoutComments(text: string): Buffer {
  return Buffer.from(
    text
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .join('\n'),
  );
}

function stored(name: string, bytes: Buffer): PackedFile {
  return { name, method: 0, crc: crc32(bytes), size: bytes.length, bytes };
}
