import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const skipped = new Set(['node_modules', 'generated', '.next', 'out', 'dist']);

/** One digest over the contents of the files and folders, of those files that the filter lets through. */
export async function digestOf(paths, filter = () => true) {
  const hash = createHash('sha256');
  for (const path of [...paths].sort((a, b) => (a < b ? -1 : 1))) await addTo(hash, path, filter);
  return hash.digest('hex');
}

async function addTo(hash, path, filter) {
  const info = await stat(path).catch(() => null);
  if (!info) return;
  if (!info.isDirectory()) {
    if (filter(path)) hash.update(`${path}\0`).update(await readFile(path));
    return;
  }
  const names = (await readdir(path)).filter((name) => !skipped.has(name)).sort((a, b) => (a < b ? -1 : 1));
  for (const name of names) await addTo(hash, join(path, name), filter);
}

/** Does the work unless it was done for the same digest; answers whether it was needed. */
export async function oncePer(stampFile, digest, work) {
  if ((await readFile(stampFile, 'utf8').catch(() => '')) === digest) return false;
  await work();
  await mkdir(dirname(stampFile), { recursive: true });
  await writeFile(stampFile, digest);
  return true;
}
