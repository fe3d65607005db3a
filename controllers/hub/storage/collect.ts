import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RegistryStore, StoredFile } from './store.ts';

export interface CollectOptions {
  readonly store: RegistryStore;
  /** Beside the store, on the same file system: where blobs wait for their end. */
  readonly trash: string;
  readonly graceMs: number;
  readonly signal?: AbortSignal;
}

export interface Collected {
  /** Blobs put aside in this pass, blobs that came back, and blobs that are gone for good. */
  readonly asideCount: number;
  readonly restoredCount: number;
  readonly freedCount: number;
  readonly freedBytes: number;
}

interface Aside {
  readonly hex: string;
  readonly since: number;
  readonly folder: string;
}

interface Live {
  readonly all: ReadonlySet<string>;
  readonly byRepository: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Frees the disk of blobs that no manifest needs, while pushes go on.
 *
 * Nothing is deleted at once. A blob without a manifest that was written before the grace time is put aside by one
 * rename. A push that counted on it is told by the registry that it is missing, and sends it again. A push that was
 * past that check has written its manifest by the time that we look again, and its blob comes back. What is still
 * not needed after another grace time is erased. Every state in between is one that the next pass begins with, so a
 * crash costs nothing.
 */
export async function collectGarbage(options: CollectOptions): Promise<Collected> {
  const { store, trash, graceMs, signal } = options;
  await mkdir(trash, { recursive: true, mode: 0o700 });
  const before = await mark(store, trash);
  let restoredCount = await restore(store, trash, before.all);
  const freed = await erase(trash, before.all, graceMs);
  const old = (file: StoredFile) => file.writtenAt < Date.now() - graceMs;
  for (const [repository, live] of before.byRepository) {
    for (const link of await store.layers(repository)) {
      if (!live.has(link.hex) && old(link)) await rm(dirname(link.file), { recursive: true, force: true });
    }
  }
  let asideCount = 0;
  for await (const blob of store.blobs()) {
    signal?.throwIfAborted();
    if (before.all.has(blob.hex) || !old(blob)) continue;
    if (await move(dirname(blob.file), join(trash, `${blob.hex}.${Date.now()}`))) asideCount += 1;
  }
  const after = await mark(store, trash);
  restoredCount += await restore(store, trash, after.all);
  await relink(store, after);
  return { asideCount, restoredCount, ...freed };
}

/** Everything that a manifest of any repository needs. A manifest whose own content is aside gets it back first. */
async function mark(store: RegistryStore, trash: string): Promise<Live> {
  const all = new Set<string>();
  const byRepository = new Map<string, ReadonlySet<string>>();
  const aside = await listAside(trash);
  for (const repository of await store.repositories()) {
    const live = new Set<string>();
    for (const { hex } of await store.manifests(repository)) {
      let parts = await store.partsOf(hex);
      if (parts === null) {
        for (const one of aside) if (one.hex === hex) await bringBack(store, one);
        parts = await store.partsOf(hex);
      }
      for (const part of parts ?? [hex]) live.add(part);
    }
    byRepository.set(repository, live);
    for (const hex of live) all.add(hex);
  }
  return { all, byRepository };
}

async function restore(store: RegistryStore, trash: string, live: ReadonlySet<string>): Promise<number> {
  let count = 0;
  for (const one of await listAside(trash)) {
    if (!live.has(one.hex)) continue;
    await bringBack(store, one);
    count += 1;
  }
  return count;
}

/** To its place, unless a push has filled that meanwhile. */
async function bringBack(store: RegistryStore, { hex, folder }: Aside): Promise<void> {
  const place = store.blobFolder(hex);
  await mkdir(dirname(place), { recursive: true });
  if (await store.findBlob(hex)) await rm(folder, { recursive: true, force: true });
  else await move(folder, place);
}

async function erase(
  trash: string,
  live: ReadonlySet<string>,
  graceMs: number,
): Promise<Pick<Collected, 'freedCount' | 'freedBytes'>> {
  let [freedCount, freedBytes] = [0, 0];
  for (const { hex, since, folder } of await listAside(trash)) {
    if (live.has(hex) || since > Date.now() - graceMs) continue;
    freedBytes += (await stat(join(folder, 'data')).catch(() => null))?.size ?? 0;
    freedCount += 1;
    await rm(folder, { recursive: true, force: true });
  }
  return { freedCount, freedBytes };
}

/** A manifest that was put while a link of its repository went has it back. */
async function relink(store: RegistryStore, { byRepository }: Live): Promise<void> {
  for (const [repository, live] of byRepository) {
    const linked = new Set((await store.layers(repository)).map(({ hex }) => hex));
    const manifests = new Set((await store.manifests(repository)).map(({ hex }) => hex));
    for (const hex of live) {
      if (linked.has(hex) || manifests.has(hex) || !(await store.findBlob(hex))) continue;
      const folder = store.layerFolder(repository, hex);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'link'), `sha256:${hex}`);
    }
  }
}

async function listAside(trash: string): Promise<Aside[]> {
  const found = await readdir(trash).catch(() => []);
  return found.flatMap((name) => {
    const [, hex, since] = /^([0-9a-f]{64})\.(\d+)$/.exec(name) ?? [];
    return hex ? [{ hex, since: Number(since), folder: join(trash, name) }] : [];
  });
}

/** False when it was gone, or its place is taken. */
async function move(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}
