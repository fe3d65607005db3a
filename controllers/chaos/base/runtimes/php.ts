import { createHash } from 'node:crypto';
import type { Runtimes } from '../runtimes.ts';
import type { SharedLayer, Tool } from '../store.ts';
import { readLauncher } from './launcher.ts';

/** The release line of Debian's PHP. */
export const phpVersion = '8.2';

/** PHP with these Debian packages of extensions, and nginx, with a start program that serves one folder on $PORT. */
export async function php(runtimes: Runtimes, extensions: readonly string[]): Promise<SharedLayer> {
  const launcher = await readLauncher('serve-php');
  const packages = ['nginx-light', `php${phpVersion}-cli`, `php${phpVersion}-fpm`, ...extensions.toSorted()];
  const id = createHash('sha256')
    .update([launcher.id, ...packages].join(' '))
    .digest('hex')
    .slice(0, 12);
  return runtimes.runtime(`php-${phpVersion}-${id}`, async (root, scratch) => {
    await runtimes.installPackages(packages, root, scratch);
    await launcher.install(root);
  });
}

/** Composer, for builds only. */
export function composer(runtimes: Runtimes): Promise<Tool> {
  return runtimes.debianTool('composer', ['composer', 'unzip', `php${phpVersion}-zip`]);
}
