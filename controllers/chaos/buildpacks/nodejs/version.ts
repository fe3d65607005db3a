import { AppError } from '@skyarc/lib/errors';
import type { SourceTree } from '../../sources/tree.ts';
import type { PackageJson } from './package-json.ts';

const defaultNode = '24';

/** The range of Node.js versions that `engines`, .nvmrc or .node-version ask for, the package's own before the whole source's. */
export async function readRange(source: SourceTree, pkg: PackageJson, whole: SourceTree): Promise<string> {
  const files: (string | null)[] = [];
  for (const tree of new Set([source, whole]))
    for (const name of ['.nvmrc', '.node-version']) files.push(await tree.readText(name));
  const said = pkg.engines.node ?? files.find((text) => text !== null) ?? defaultNode;
  const range = said.trim().replace(/^v(?=\d)/, '');
  if (/^(lts\/.*|node|stable|\*|latest)$/.test(range)) return defaultNode;
  if (!/^[\d.xX*^~<>=| -]{1,60}$/.test(range)) {
    throw new AppError(
      'INVALID',
      `"${range.slice(0, 60)}" is not a range of Node.js versions; use one such as "24" or ">=22 <25"`,
    );
  }
  // An open range means "from this on": the default is within it, and newer ones are not tried yet.
  const least = /^>=? ?(\d+)[\d.]*$/.exec(range);
  return least && Number(least[1]) <= Number(defaultNode) ? defaultNode : range;
}
