import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';
import { ZipDirectory, type ZipEntry } from '../zip-directory.ts';

const limitBytes = 2 ** 20;
const manifest = z.looseObject({ name: z.string(), version: z.string().optional() });
/** The composer.json of a package. */
export type Manifest = z.output<typeof manifest>;

/** The composer.json of a package's zip, at its top or in its only folder. Throws INVALID when there is none. */
export async function readPackage(file: string): Promise<Manifest> {
  try {
    return await ZipDirectory.use(file, async (zip) => {
      const found = zip.entries
        .filter(({ name, size }) => /^(?:[^/]+\/)?composer\.json$/.test(name) && size <= limitBytes)
        .toSorted((left, right) => left.name.length - right.name.length)[0];
      return manifest.parse(JSON.parse(await textOf(zip, found)));
    });
  } catch (cause) {
    throw new AppError('INVALID', 'The file is not a zip with a composer.json that has a name', { cause });
  }
}

/** Why an archive is not one of that commit, or undefined; what git packs has the commit as its comment. */
export async function inspectArchive(file: string, commit: string | null): Promise<string | undefined> {
  try {
    return await ZipDirectory.use(file, async ({ comment }) =>
      commit !== null && /^[0-9a-f]{40}$/.test(comment) && comment !== commit
        ? `it is of commit ${comment}, not ${commit}`
        : undefined,
    );
  } catch {
    return 'it is not a zip archive';
  }
}

async function textOf(zip: ZipDirectory, entry: ZipEntry | undefined): Promise<string> {
  if (!entry) throw new Error('no composer.json');
  const chunks = await Array.fromAsync(zip.read(entry));
  return Buffer.concat(chunks).toString('utf8');
}
