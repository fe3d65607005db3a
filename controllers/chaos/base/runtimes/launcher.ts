import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A start program of ours beside this file, for images that need more than one program's arguments. */
export interface Launcher {
  /** Changes with its text: a name for layers that have it. */
  readonly id: string;
  /** Puts it into /usr/local/bin of a root. */
  install(root: string): Promise<void>;
}

export async function readLauncher(name: string): Promise<Launcher> {
  const text = await readFile(join(import.meta.dirname, `${name}.sh`), 'utf8');
  return {
    id: createHash('sha256').update(text).digest('hex').slice(0, 8),
    install: async (root) => {
      const program = join(root, 'usr/local/bin', name);
      await mkdir(join(root, 'usr/local/bin'), { recursive: true });
      await writeFile(program, text);
      await chmod(program, 0o755);
    },
  };
}
