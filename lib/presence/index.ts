import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '@skyarc/lib/files';
import { identityOf } from '@skyarc/lib/process';
import { z } from 'zod';

const present = z.object({
  /** Of its kind the second is `gateway-1`. */
  name: z.string().regex(/^[a-z][a-z0-9-]*$/),
  /** Base address of its status server: `/healthz` and `/metrics` are below. */
  url: z.url({ protocol: /^https?$/ }),
  /** The process that it lives in, as `identityOf` names it; others may live there, too. */
  process: z.string(),
});

/** A service that serves, or did so until something else than its own stop ended it. */
export type PresentService = z.infer<typeof present>;

const suffix = '.json';

/**
 * Says in the folder that this process serves; what is answered takes it back and belongs to an orderly end. Who is
 * killed stays listed, until a successor of the same name says anew where it is.
 */
export async function announce(
  folder: string,
  { name, url }: Pick<PresentService, 'name' | 'url'>,
): Promise<() => Promise<void>> {
  const file = join(folder, `${name}${suffix}`);
  const text = JSON.stringify({ name, url, process: await identityOf(process.pid) });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await replaceFile(file, text);
  return async () => {
    // A successor may be there already.
    if ((await readFile(file, 'utf8').catch(() => null)) === text) await rm(file, { force: true });
  };
}

/** By name; a folder that is not there has none, and what cannot be read is none. */
export async function listPresent(folder: string): Promise<PresentService[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(suffix)).toSorted();
  const found = await Promise.all(
    names.map(async (name) => parse(await readFile(join(folder, name), 'utf8').catch(() => ''))),
  );
  return found.filter((one) => one !== undefined);
}

function parse(text: string): PresentService | undefined {
  try {
    return present.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
