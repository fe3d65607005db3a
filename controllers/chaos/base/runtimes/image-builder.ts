import type { Runtimes } from '../runtimes.ts';
import type { Tool } from '../store.ts';

/** buildah, for builds from a Dockerfile only. */
export function imageBuilder(runtimes: Runtimes): Promise<Tool> {
  return runtimes.debianTool('buildah', ['buildah']);
}
