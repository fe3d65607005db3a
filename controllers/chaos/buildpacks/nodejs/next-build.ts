import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SourceTree } from '../../sources/tree.ts';

/** Next.js makes new keys for those that end soon. */
const neverMs = Date.UTC(3000, 0);

/**
 * Puts the keys into a build's cache that Next.js otherwise makes at random and writes into its files: of draft mode
 * (preview-key-utils of next/build) and of server actions (encryption-utils-server). They are the app's for good, so that
 * equal sources become equal files, and what one version made secret the next one can read. Answers the files.
 */
export async function writeKeys(cache: string, secretFor: (purpose: string) => Buffer): Promise<string[]> {
  const hex = (purpose: string) => secretFor(`next ${purpose}`).toString('hex');
  const files = {
    '.previewinfo': {
      previewModeId: hex('preview id').slice(0, 32),
      previewModeSigningKey: hex('preview signing'),
      previewModeEncryptionKey: hex('preview encryption'),
      expireAt: neverMs,
    },
    '.rscinfo': {
      'encryption.key': secretFor('next actions').toString('base64'),
      'encryption.expire_at': neverMs,
    },
  };
  const written: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const file = join(cache, name);
    // An earlier build may have left a link there: it goes, and nothing is written through it.
    await rm(file, { recursive: true, force: true });
    await writeFile(file, JSON.stringify(content), { flag: 'wx', mode: 0o600 });
    written.push(file);
  }
  return written;
}

/**
 * Gives a build of Next.js an id made of its content instead of a random one, which its file names, pages and
 * manifests carry: equal sources then give equal files. A build that the app named itself stays as it is.
 */
export async function makeReproducible(source: SourceTree, path: string): Promise<void> {
  // What a build wrote may be a link to anywhere: only what lies in the source is touched.
  const dist = await source.sub(path);
  if (!dist) return;
  const { folder } = dist;
  const id = (await readFile(join(folder, 'BUILD_ID'), 'utf8').catch(() => '')).trim();
  if (!/^[\w-]{21}$/.test(id)) return;
  // In an order that the old id, which is a folder's name, too, has no part in.
  const files = (await filesBelow(folder))
    .map((file) => ({ file, nameless: file.replaceAll(id, '') }))
    .toSorted((a, b) => (a.nameless < b.nameless ? -1 : 1));
  const texts = new Map<string, Buffer>();
  const hash = createHash('sha256');
  for (const { file, nameless } of files) {
    const content = await readFile(join(folder, file));
    hash.update(`${nameless}\0`);
    if (content.includes(id)) texts.set(file, content);
    hash.update(content.includes(id) ? content.toString('latin1').replaceAll(id, '') : content);
  }
  const made = hash.digest('base64url').slice(0, id.length);
  for (const [file, content] of texts)
    await writeFile(join(folder, file), content.toString('latin1').replaceAll(id, made), 'latin1');
  const assets = await dist.sub('static');
  if (assets) await rename(join(assets.folder, id), join(assets.folder, made)).catch(() => undefined);
  // Notes of the build about itself, with times.
  for (const name of ['trace', 'trace-build', 'diagnostics', 'types'])
    await rm(join(folder, name), { recursive: true, force: true });
}

/** Paths of regular files, links not followed, without the cache. */
async function filesBelow(folder: string, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(join(folder, prefix))) {
    const path = prefix ? `${prefix}/${name}` : name;
    if (/^(?:cache|trace|trace-build|diagnostics|types)$|(?:^|\/)node_modules$/.test(path)) continue;
    const stats = await lstat(join(folder, path));
    if (stats.isDirectory()) found.push(...(await filesBelow(folder, path)));
    else if (stats.isFile()) found.push(path);
  }
  return found;
}
