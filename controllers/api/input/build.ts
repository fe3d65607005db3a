import { buildOptions, containerSettings } from '@skyarc/lib/contracts';
import { z } from 'zod';
import { buildpack } from './source.ts';
import { between, distinct } from './text.ts';

/** An empty text takes a setting away. */
const orEmpty = <Schema extends z.ZodType>(schema: Schema) => z.union([z.literal(''), schema]).optional();
const word = z.object({ name: z.string(), value: z.string() });
const words = distinct(z.array(word).max(100, 'At most 100'), ({ name }) => name, 'A name appears twice');

const { module, command, start, dockerfile, target, documentRoot } = buildOptions.shape;

export const build = z.object({
  buildpack: buildpack.optional(),
  module: orEmpty(module.unwrap()),
  command: orEmpty(command.unwrap()),
  start: orEmpty(start.unwrap()),
  dockerfile: orEmpty(dockerfile.unwrap()),
  target: orEmpty(target.unwrap()),
  documentRoot: orEmpty(documentRoot.unwrap()),
  privatePorts: buildOptions.shape.privatePorts,
  args: words.transform(recordOf).pipe(buildOptions.shape.args.unwrap()).optional(),
  env: words.transform(recordOf).pipe(buildOptions.shape.env.unwrap()).optional(),
  cpuMillis: between(100, 64_000, 'CPU of a build').optional(),
  memoryMb: between(128, 262_144, 'Memory of a build').optional(),
  diskMb: between(256, 1_048_576, 'Disk of a build').optional(),
  timeoutSeconds: between(30, 14_400, 'Time of a build').optional(),
});

/** Settings of the container that an app runs in. */
export const container = {
  entrypoint: containerSettings.shape.entrypoint,
  workingDir: orEmpty(containerSettings.shape.workingDir.unwrap()),
  user: orEmpty(containerSettings.shape.user.unwrap()),
};

function recordOf(
  list: readonly { readonly name: string; readonly value: string }[],
): Record<string, string> {
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

type Wish = Readonly<Record<string, unknown>>;

/** A stored JSON object with what was given put over it; empty values take away. Undefined when nothing was given. */
export function mergedColumn(
  present: string | null | undefined,
  wanted: Wish | undefined,
  names: readonly string[],
): string | null | undefined {
  const given = names.filter((name) => wanted?.[name] !== undefined);
  if (given.length === 0) return undefined;
  const merged = new Map(Object.entries(JSON.parse(present ?? '{}') as Wish));
  for (const name of given) {
    const value = wanted?.[name];
    const isEmpty =
      value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
    if (isEmpty) merged.delete(name);
    else merged.set(name, value);
  }
  return merged.size === 0 ? null : JSON.stringify(Object.fromEntries(merged));
}

export const containerNames = Object.keys(containerSettings.shape);
export const buildOptionNames = Object.keys(buildOptions.shape);
