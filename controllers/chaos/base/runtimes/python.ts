import type { Runtimes } from '../runtimes.ts';
import type { SharedLayer } from '../store.ts';

/** Debian's Python 3 with pip and venv. */
export function python(runtimes: Runtimes): Promise<SharedLayer> {
  return runtimes.debianRuntime('python3', ['python3', 'python3-pip', 'python3-venv']);
}
