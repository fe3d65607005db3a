import { readFile } from 'node:fs/promises';
import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';

const isBelowNetns = /^(?:\/var)?\/run\/netns(?:\/|$)/;

/**
 * Has ip-netns(8) make its folder a mount of its own while no pod is there. Whoever calls it first on a machine does so,
 * and copies what is mounted below: the namespaces of pods, which would then be mounted twice and could never be removed.
 */
export async function ensureNamespaceFolder(instance: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  if (mounts.some((line) => isBelowNetns.test(line.split(' ')[4] ?? ''))) return;
  const name = `${instance}-first`;
  for (const act of ['add', 'delete']) {
    const { code, stderr } = await run('ip', ['netns', act, name]);
    if (code !== 0)
      throw new AppError('UNAVAILABLE', `Cannot prepare the folder of network namespaces: ${stderr.trim()}`);
  }
}
