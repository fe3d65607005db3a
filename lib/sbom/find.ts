import { constants, createReadStream } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { walk } from '@skyarc/lib/oci';
import { extract } from 'tar-stream';
import { type FoundPackage, purlOf, type TreeFile } from './package.ts';
import { readers } from './readers.ts';

/** Packages that the files tell of, each once, by their package URLs. */
export async function findPackages(files: AsyncIterable<TreeFile>): Promise<FoundPackage[]> {
  const found = new Map<string, FoundPackage>();
  for await (const file of files) {
    const reader = readers.find(({ matches }) => matches(file));
    if (!reader || file.sizeBytes > reader.maxBytes) continue;
    for (const each of await reader.read(await file.read(), file.path)) found.set(purlOf(each), each);
  }
  return sorted(found);
}

/** Packages of several parts, each once. */
export function mergePackages(parts: readonly (readonly FoundPackage[])[]): FoundPackage[] {
  return sorted(new Map(parts.flat().map((each) => [purlOf(each), each])));
}

function sorted(found: ReadonlyMap<string, FoundPackage>): FoundPackage[] {
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}

/** Files of a folder, never through a link; none when it is not there. */
export async function* filesOfFolder(
  folder: string,
  { prefix = '', exclude }: { readonly prefix?: string; readonly exclude?: (path: string) => boolean } = {},
): AsyncGenerator<TreeFile> {
  if (!(await lstat(folder).catch(() => null))?.isDirectory()) return;
  for await (const { path, absolute, stats } of walk(folder, exclude)) {
    if (!stats.isFile()) continue;
    yield {
      path: prefix ? `${prefix}/${path}` : path,
      sizeBytes: stats.size,
      isExecutable: (stats.mode & 0o111) !== 0,
      read: () => readRegular(absolute),
    };
  }
}

async function readRegular(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function drain(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}

/** Files of a tar that is not compressed. */
export async function* filesOfTar(tar: string | Readable): AsyncGenerator<TreeFile> {
  const bytes = typeof tar === 'string' ? createReadStream(tar) : tar;
  const entries = extract();
  bytes.once('error', (error: Error) => entries.destroy(error));
  for await (const entry of bytes.pipe(entries)) {
    const { name, type, size, mode } = entry.header;
    if (type === 'file') {
      yield {
        path: name.replace(/^(\.?\/)+/, ''),
        sizeBytes: size,
        isExecutable: (mode & 0o111) !== 0,
        read: () => drain(entry),
      };
    }
    entry.resume();
  }
}
