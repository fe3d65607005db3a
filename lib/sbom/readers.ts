import { fromBuffer, type Entry, type ZipFile } from 'yauzl';
import type { FoundPackage, TreeFile } from './package.ts';

/** Finds packages in files of one kind; a file that is not what its name says tells of none. */
interface Reader {
  readonly matches: (file: Pick<TreeFile, 'path' | 'isExecutable' | 'sizeBytes'>) => boolean;
  /** Larger files are left unread. */
  readonly maxBytes: number;
  readonly read: (
    content: Buffer,
    path: string,
  ) => Promise<readonly FoundPackage[]> | readonly FoundPackage[];
}

const small = 4 << 20;
const large = 256 << 20;

export const readers: readonly Reader[] = [
  { matches: named(/(^|\/)var\/lib\/dpkg\/status$/), maxBytes: 64 << 20, read: readDpkgStatus },
  {
    matches: named(/(^|\/)node_modules\/(@[^/]+\/)?[^/@][^/]*\/package\.json$/),
    maxBytes: small,
    read: readNpm,
  },
  { matches: named(/\.dist-info\/METADATA$|\.egg-info\/PKG-INFO$/), maxBytes: small, read: readPython },
  { matches: named(/(^|\/)vendor\/composer\/installed\.json$/), maxBytes: 16 << 20, read: readComposer },
  { matches: named(/(^|\/)specifications\/[^/]+\.gemspec$/), maxBytes: small, read: readGemspec },
  { matches: named(/\.(jar|war)$/), maxBytes: large, read: readJar },
  {
    matches: ({ path, isExecutable, sizeBytes }) =>
      isExecutable && sizeBytes > 500_000 && !/\.[a-z0-9]+$|(^|\/)node_modules\//.test(path),
    maxBytes: large,
    read: readGoBinary,
  },
];

function named(pattern: RegExp): Reader['matches'] {
  return ({ path }) => pattern.test(path);
}

/** deb-control(5) paragraphs of what is installed. */
function readDpkgStatus(content: Buffer): FoundPackage[] {
  return content
    .toString()
    .split('\n\n')
    .flatMap((paragraph) => {
      const field = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(paragraph)?.[1];
      const [name, version] = [field('Package'), field('Version')];
      if (!name || !version || !field('Status')?.endsWith(' installed')) return [];
      return [{ ecosystem: 'deb' as const, name, version }];
    });
}

function readNpm(content: Buffer, path: string): FoundPackage[] {
  const { name, version, license } = objectOf(content);
  // A package.json within a package is no package of its own.
  if (typeof name !== 'string' || !path.endsWith(`node_modules/${name}/package.json`)) return [];
  if (typeof version !== 'string') return [];
  return [{ ecosystem: 'npm', name, version, license: typeof license === 'string' ? license : null }];
}

/** Core metadata (PEP 566): headers, then text. */
function readPython(content: Buffer): FoundPackage[] {
  const headers = content.toString().split(/\r?\n\r?\n/, 1)[0] ?? '';
  const field = (name: string) => new RegExp(`^${name}: *(.+?)\\r?$`, 'm').exec(headers)?.[1];
  const [name, version] = [field('Name'), field('Version')];
  if (!name || !version) return [];
  const license = field('License-Expression') ?? field('License') ?? null;
  return [{ ecosystem: 'pypi', name: name.toLowerCase().replaceAll(/[-_.]+/g, '-'), version, license }];
}

function readComposer(content: Buffer): FoundPackage[] {
  const { packages } = objectOf(content);
  return (Array.isArray(packages) ? packages : []).flatMap((each: unknown) => {
    const { name, version } = (each ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string' || typeof version !== 'string') return [];
    return [{ ecosystem: 'composer' as const, name, version }];
  });
}

/** The name of the file tells it. */
function readGemspec(_content: Buffer, path: string): FoundPackage[] {
  const [, name, version] = /([^/]+?)-(\d[^/]*)\.gemspec$/.exec(path) ?? [];
  return name && version ? [{ ecosystem: 'gem', name, version }] : [];
}

/** What a jar says of itself in pom.properties, and the jars within it; else the name of the file. */
async function readJar(content: Buffer, path: string): Promise<FoundPackage[]> {
  const found: FoundPackage[] = [];
  for await (const { name, read } of entriesOf(content)) {
    if (/^META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/.test(name)) found.push(...readPom(await read()));
    if (/^(BOOT-INF|WEB-INF)\/lib\/[^/]+\.jar$/.test(name)) found.push(...fromJarName(name));
  }
  const own = fromJarName(path);
  const isToldOf = own.every((one) =>
    found.some(({ name }) => name.endsWith(`:${one.name}`) || name === one.name),
  );
  return isToldOf ? found : [...found, ...own];
}

function readPom(content: Buffer): FoundPackage[] {
  const field = (name: string) =>
    new RegExp(`^${name}=(.+?)\\r?$`, 'm').exec(content.toString())?.[1]?.trim();
  const [group, artifact, version] = [field('groupId'), field('artifactId'), field('version')];
  return group && artifact && version ? [{ ecosystem: 'maven', name: `${group}:${artifact}`, version }] : [];
}

function fromJarName(path: string): FoundPackage[] {
  const [, name, version] = /([^/]+?)-(\d[^/]*)\.(?:jar|war)$/.exec(path) ?? [];
  return name && version ? [{ ecosystem: 'maven', name, version }] : [];
}

const maxEntries = 200_000;

async function* entriesOf(content: Buffer): AsyncGenerator<{ name: string; read: () => Promise<Buffer> }> {
  const zip = await new Promise<ZipFile | null>((resolve) => {
    fromBuffer(content, { lazyEntries: true }, (error, file) => resolve(error ? null : file));
  });
  if (!zip) return;
  for (let count = 0; count < maxEntries; count += 1) {
    const entry = await nextEntry(zip);
    if (!entry) return;
    yield { name: entry.fileName, read: () => readEntry(zip, entry) };
  }
}

function nextEntry(zip: ZipFile): Promise<Entry | null> {
  return new Promise((resolve) => {
    const settle = (entry: Entry | null) => {
      zip.removeAllListeners();
      resolve(entry);
    };
    zip
      .once('entry', settle)
      .once('end', () => settle(null))
      .once('error', () => settle(null));
    zip.readEntry();
  });
}

async function readEntry(zip: ZipFile, entry: Entry): Promise<Buffer> {
  if (entry.uncompressedSize > 65_536) return Buffer.alloc(0);
  const stream = await new Promise<NodeJS.ReadableStream | null>((resolve) => {
    zip.openReadStream(entry, (error, one) => resolve(error ? null : one));
  });
  const parts: Buffer[] = [];
  try {
    for await (const part of stream ?? []) parts.push(Buffer.from(part));
  } catch {
    // A broken entry tells nothing.
  }
  return Buffer.concat(parts);
}

const goMagic = Buffer.from('\xff Go buildinf:', 'latin1');

/** What `go version -m` shows (https://pkg.go.dev/debug/buildinfo), in the form of Go 1.18 and later. */
function readGoBinary(content: Buffer): FoundPackage[] {
  if (content.toString('latin1', 0, 4) !== '\x7fELF') return [];
  const at = content.indexOf(goMagic);
  if (at < 0 || !((content[at + 15] ?? 0) & 2)) return [];
  const [toolchain, next] = goString(content, at + 32);
  const [modules] = goString(content, next);
  const found: FoundPackage[] = [
    { ecosystem: 'golang', name: 'stdlib', version: toolchain.replace(/^go/, '') },
  ];
  // Sixteen bytes before and after mark the text.
  for (const line of modules.slice(16, -16).split('\n')) {
    const [kind, name, version] = line.split('\t');
    if (kind === '=>') found.pop();
    if ((kind === 'dep' || kind === '=>') && name && version)
      found.push({ ecosystem: 'golang', name, version });
  }
  return found;
}

/** A text with its length as varint before it, and where the next one begins. */
function goString(content: Buffer, at: number): [text: string, next: number] {
  let [length, shift, begin] = [0, 0, at];
  for (; begin < content.length; shift += 7) {
    const byte = content[begin++] as number;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80 || shift > 28) break;
  }
  const end = Math.min(begin + length, content.length);
  return [content.toString('latin1', begin, end), end];
}

function objectOf(content: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(content.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
