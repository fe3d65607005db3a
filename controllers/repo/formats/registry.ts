import * as composer from './composer/index.ts';
import * as debian from './debian/index.ts';
import type { Format } from './format.ts';
import * as go from './go/index.ts';
import * as maven from './maven/index.ts';
import * as npm from './npm/index.ts';
import * as pypi from './pypi/index.ts';
import * as rubygems from './rubygems/index.ts';

/** Every kind of packages; each is one folder with the same exports. */
export const formats = [
  npm,
  pypi,
  maven,
  go,
  composer,
  rubygems,
  debian,
] as const satisfies readonly Format[];

export type FormatName = (typeof formats)[number]['name'];
