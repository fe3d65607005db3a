import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Files of one container run, oldest first: `<n>.log.<stamp>` are rotated ones, `<n>.log` is current.
 * `logPath` is the current one's path.
 */
export async function listLogFiles(logPath: string): Promise<string[]> {
  const slash = logPath.lastIndexOf('/');
  const folder = logPath.slice(0, slash);
  const name = logPath.slice(slash + 1);
  const names = await readdir(folder).catch((): string[] => []);
  const rotated = names.filter((each) => each.startsWith(`${name}.`)).sort();
  return [...rotated, ...(names.includes(name) ? [name] : [])].map((each) => join(folder, each));
}

/** Suffix of a file rotated now; sorts by time. */
export function rotationStamp(now: Date): string {
  return now.toISOString().replace(/[-:]/g, '').replace('T', '-').replace('Z', '');
}
