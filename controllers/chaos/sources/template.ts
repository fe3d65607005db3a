import { createHash } from 'node:crypto';
import { cp, glob, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import type { Fetched, Revision, Source } from './source.ts';

/** A built-in template app. */
export class TemplateSource implements Source {
  private readonly folder: string;
  private readonly template: string;

  constructor(samplesDir: string, template: string) {
    this.folder = join(samplesDir, template);
    this.template = template;
  }

  get description(): string {
    return `template ${this.template}`;
  }

  async identify(): Promise<Revision> {
    const files: string[] = [];
    for await (const entry of glob('**/*', { cwd: this.folder, withFileTypes: true })) {
      if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
    }
    if (files.length === 0) throw new AppError('NOT_FOUND', `There is no template "${this.template}"`);
    const hash = createHash('sha256');
    for (const file of files.sort())
      hash
        .update(`${file}\0`)
        .update(await readFile(file))
        .update('\0');
    return { id: hash.digest('hex').slice(0, 40), ref: this.template };
  }

  async fetch(revision: Revision, folder: string): Promise<Fetched> {
    await mkdir(folder, { recursive: true });
    await cp(this.folder, folder, { recursive: true, filter: (path) => !path.endsWith('node_modules') });
    return { id: revision.id, author: null, message: null, timeSec: 315_619_200 };
  }
}
