import { readFile } from 'node:fs/promises';

/** What builds of an instance have mounted, but for disks that stay so for the next build of their app. */
export async function mountsOfBuilds(instance: string): Promise<string[]> {
  const table = await readFile('/proc/self/mounts', 'utf8');
  const places = table.split('\n').map((line) => line.split(' ')[1] ?? '');
  return places.filter((place) => place.includes(instance) && !isKeptDisk(place));
}

export function isKeptDisk(place: string): boolean {
  return /-chaos-[^/]+\/disks\/[^/]+$/.test(place);
}
