import { readFile } from 'node:fs/promises';
import { ip } from './link.ts';

const isBelowNetns = /^(?:\/var)?\/run\/netns(?:\/|$)/;

/**
 * Has ip-netns(8) make its folder a mount of its own while no pod is there. Whoever calls it first on a machine does so,
 * and copies what is mounted below: the namespaces of pods, which would then be mounted twice and could never be removed.
 */
export async function ensureNamespaceFolder(instance: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  if (mounts.some((line) => isBelowNetns.test(line.split(' ')[4] ?? ''))) return;
  const name = `${instance}-first`;
  await ip('netns', 'add', name);
  await ip('netns', 'delete', name);
}
