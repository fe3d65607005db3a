import type { RegistryStore } from './store.ts';

/** Bytes that a team's images take: each blob once, and none that all teams share. */
export async function teamBytes(store: RegistryStore, team: string): Promise<number> {
  const repositories = await store.repositories();
  const shared = new Set<string>();
  const own = new Set<string>();
  for (const repository of repositories) {
    const isShared = repository.startsWith('skyarc/');
    if (!isShared && !repository.startsWith(`${team}/`)) continue;
    for (const { hex } of await store.layers(repository)) (isShared ? shared : own).add(hex);
  }
  let bytes = 0;
  for (const hex of own) if (!shared.has(hex)) bytes += (await store.findBlob(hex))?.sizeBytes ?? 0;
  return bytes;
}
