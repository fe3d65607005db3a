import type { FindFile } from './volumes.ts';

/** Finds a content by its path, `./` before it or not. */
export function findFileIn(files: ReadonlyMap<string, string>): FindFile {
  const byPath = new Map([...files].map(([path, content]) => [plain(path), content]));
  return (path) => byPath.get(plain(path));
}

const plain = (path: string) => path.trim().replace(/^(\.\/)+/, '');
