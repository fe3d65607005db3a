import { chmod, cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Runtimes } from '../runtimes.ts';
import type { SharedLayer } from '../store.ts';

/** nginx, with a start program that serves one folder on $PORT. */
export function webServer(runtimes: Runtimes): Promise<SharedLayer> {
  return runtimes.runtime('nginx-light', async (root, scratch) => {
    await runtimes.installPackages(['nginx-light'], root, scratch);
    const program = join(root, 'usr/local/bin/serve-static');
    await mkdir(join(root, 'usr/local/bin'), { recursive: true });
    await cp(join(import.meta.dirname, 'serve-static.sh'), program);
    await chmod(program, 0o755);
  });
}
