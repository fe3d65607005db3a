import type { Runtimes } from '../runtimes.ts';
import type { SharedLayer } from '../store.ts';

/** buildah, for builds from a Dockerfile only. */
export function imageBuilder(runtimes: Runtimes): Promise<SharedLayer> {
  return runtimes.debianTool('buildah', ['buildah']);
}
