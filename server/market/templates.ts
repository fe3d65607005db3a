import { glob, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';

const template = z.object({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,40}$/),
  title: z.string().min(1),
  description: z.string(),
  language: z.string(),
  memoryMb: z.int().positive(),
});
export type Template = z.infer<typeof template>;

/** The templates described by `<folder>/<name>/template.json`, by title. Throws INVALID for a wrong one. */
export async function readTemplates(folder: string): Promise<Template[]> {
  const templates: Template[] = [];
  for await (const file of glob('*/template.json', { cwd: folder })) {
    const parsed = template.safeParse(JSON.parse(await readFile(join(folder, file), 'utf8')));
    if (!parsed.success || parsed.data.name !== basename(dirname(file))) {
      const reason = parsed.error?.issues[0]?.message ?? 'its name is not its folder';
      throw new AppError('INVALID', `Cannot read template ${file}: ${reason}`);
    }
    templates.push(parsed.data);
  }
  return templates.toSorted((left, right) => left.title.localeCompare(right.title));
}
