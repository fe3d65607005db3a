import { createHash } from 'node:crypto';
import { chmod, cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Runtimes } from '../runtimes.ts';
import type { SharedLayer } from '../store.ts';

/** The release line of Debian's PHP. */
export const phpVersion = '8.2';

/** PHP with these Debian packages of extensions, and nginx, with a start program that serves one folder on $PORT. */
export function php(runtimes: Runtimes, extensions: readonly string[]): Promise<SharedLayer> {
  const packages = ['nginx-light', `php${phpVersion}-cli`, `php${phpVersion}-fpm`, ...extensions.toSorted()];
  const id = createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 12);
  return runtimes.runtime(`php-${phpVersion}-${id}`, async (root, scratch) => {
    await runtimes.installPackages(packages, root, scratch);
    const program = join(root, 'usr/local/bin/serve-php');
    await mkdir(join(root, 'usr/local/bin'), { recursive: true });
    await cp(join(import.meta.dirname, 'serve-php.sh'), program);
    await chmod(program, 0o755);
  });
}

/** Composer, for builds only. */
export function composer(runtimes: Runtimes): Promise<SharedLayer> {
  return runtimes.debianTool('composer', ['composer', 'unzip', `php${phpVersion}-zip`]);
}
