import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { AppError } from '@skyarc/lib/errors';
import { extract } from 'tar-stream';
import { parse } from 'yaml';
import { z } from 'zod';
import { type GemSpecification, isGemName, isGemPlatform, isGemVersion } from './compact-index.ts';

const unzip = promisify(gunzip);
const limitBytes = 2 ** 20;

const version = z.object({ version: z.string() });
const requirement = z
  .object({ requirements: z.array(z.tuple([z.string(), version])) })
  .transform(({ requirements }) => requirements.map(([how, { version: of }]) => `${how} ${of}`).join('&'))
  .transform((text) => (text === '>= 0' ? '' : text))
  .refine((text) => /^[\w.&<>=!~ -]{0,500}$/.test(text), 'is not a requirement')
  .default('');
const specification = z.object({
  name: z.string().refine(isGemName, 'is not the name of a gem'),
  version: version.transform((one) => one.version).refine(isGemVersion, 'is not the version of a gem'),
  platform: z.string().default('ruby').refine(isGemPlatform, 'is not a platform'),
  required_ruby_version: requirement,
  required_rubygems_version: requirement,
  dependencies: z
    .array(
      z.object({
        name: z.string().refine(isGemName, 'is not the name of a gem'),
        type: z.string().default(':runtime'),
        requirement,
      }),
    )
    .default([]),
});

/** What a gem says of itself: `metadata.gz` in its tar, YAML with tags of Ruby. Throws INVALID. */
export async function readGem(file: string): Promise<GemSpecification> {
  try {
    const found = specification.parse(
      parse(await readMetadata(file), { schema: 'failsafe', logLevel: 'error' }),
    );
    return {
      name: found.name,
      version: found.version,
      platform: found.platform,
      ruby: found.required_ruby_version,
      rubygems: found.required_rubygems_version,
      dependencies: found.dependencies
        .filter(({ type }) => type === ':runtime')
        .map((one) => ({ name: one.name, requirement: one.requirement || '>= 0' }))
        .toSorted((left, right) => (left.name < right.name ? -1 : 1)),
    };
  } catch (cause) {
    const [issue] = cause instanceof z.ZodError ? cause.issues : [];
    const reason = issue ? `its ${issue.path.join('.')} ${issue.message}` : 'it has no readable metadata.gz';
    throw new AppError('INVALID', `The file is not a gem: ${reason}`, { cause });
  }
}

async function readMetadata(file: string): Promise<string> {
  const source = createReadStream(file);
  const entries = extract();
  source.on('error', (error) => entries.destroy(error));
  source.pipe(entries);
  try {
    for await (const entry of entries) {
      if (entry.header.name !== 'metadata.gz') {
        entry.resume();
        continue;
      }
      if ((entry.header.size ?? 0) > limitBytes) break;
      const packed = await buffer(entry);
      return (await unzip(packed, { maxOutputLength: limitBytes })).toString('utf8');
    }
  } finally {
    source.destroy();
  }
  throw new Error('no metadata');
}
