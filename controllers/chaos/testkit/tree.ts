import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { SourceTree } from '../sources/tree.ts';

/** A source of these files, path -> text, until the test ends. */
export async function newTree(files: Readonly<Record<string, string>>): Promise<SourceTree> {
  const root = await mkdtemp(join(tmpdir(), 'skyarc-tree-'));
  onTestFinished(() => rm(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return new SourceTree(root);
}
