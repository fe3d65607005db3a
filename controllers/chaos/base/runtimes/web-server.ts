import type { Runtimes } from '../runtimes.ts';
import type { SharedLayer } from '../store.ts';
import { readLauncher } from './launcher.ts';

/** nginx, with a start program that serves one folder on $PORT. */
export async function webServer(runtimes: Runtimes): Promise<SharedLayer> {
  const launcher = await readLauncher('serve-static');
  return runtimes.runtime(`nginx-light-${launcher.id}`, async (root, scratch) => {
    await runtimes.installPackages(['nginx-light'], root, scratch);
    await launcher.install(root);
  });
}
