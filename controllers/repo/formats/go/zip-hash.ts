import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { sha256Of } from '../../store/digests.ts';
import { ZipDirectory, type ZipEntry } from '../zip-directory.ts';

/** Go's own limit on what a module's zip unpacks to. */
const limitBytes = 500 << 20;

/** The `h1:` hash of a go.mod (golang.org/x/mod/sumdb/dirhash). */
export async function hashGoMod(file: string): Promise<string> {
  return hashOf([['go.mod', sha256Of(await readFile(file))]]);
}

/** The `h1:` hash of a module's zip. Throws when it is not a zip archive or unpacks to more than a module may. */
export function hashZip(file: string): Promise<string> {
  return ZipDirectory.use(file, async (zip) => {
    const entries = zip.entries.filter(({ name }) => !name.endsWith('/'));
    if (entries.reduce((sum, { size }) => sum + size, 0) > limitBytes) throw new Error('too large');
    const hashes: [string, string][] = [];
    for (const entry of entries) hashes.push([entry.name, await hashEntry(zip, entry)]);
    return hashOf(hashes);
  });
}

function hashOf(files: readonly (readonly [name: string, hash: string])[]): string {
  const lines = files.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => `${one}  ${name}\n`);
  return `h1:${createHash('sha256').update(lines.join('')).digest('base64')}`;
}

async function hashEntry(zip: ZipDirectory, entry: ZipEntry): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of zip.read(entry)) hash.update(chunk);
  return hash.digest('hex');
}
