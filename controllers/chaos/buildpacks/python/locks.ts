import { AppError } from '@skyarc/lib/errors';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { type Locked, type LockedNeed, normalName, walkLock } from './lock-graph.ts';
import { markerHolds } from './markers.ts';
import { needOf } from './requirement.ts';

/** A TOML text in a shape; throws INVALID that names the file. */
export function parseToml<T extends z.ZodType>(name: string, text: string, shape: T): z.output<T> {
  return parseAs(name, shape, () => parse(text));
}

function parseAs<T extends z.ZodType>(name: string, shape: T, read: () => unknown): z.output<T> {
  try {
    return shape.parse(read());
  } catch (cause) {
    const reason =
      cause instanceof z.ZodError
        ? `"${cause.issues[0]?.path.join('.')}" has a wrong type`
        : String(cause)
            .split('\n')[0]
            ?.replace(/^\w*Error: /, '');
    throw new AppError('INVALID', `${name} cannot be read: ${reason}`, { cause });
  }
}

const detail = z.looseObject({
  version: z.string().optional(),
  markers: z.string().optional(),
  extras: z.array(z.string()).optional(),
  optional: z.boolean().optional(),
});
/** A dependency of Poetry: `">=1"`, a table, or several of them. */
const poetryNeed = z.union([z.string(), detail, z.array(z.union([z.string(), detail]))]);
const poetryNeeds = z.record(z.string(), poetryNeed);
const poetryLock = z.looseObject({
  package: z
    .array(
      z.looseObject({
        name: z.string(),
        version: z.string(),
        markers: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
        files: z.array(z.looseObject({ hash: z.string() })).default([]),
        dependencies: poetryNeeds.default({}),
        source: z
          .looseObject({
            type: z.string(),
            url: z.string().optional(),
            resolved_reference: z.string().optional(),
          })
          .optional(),
      }),
    )
    .default([]),
});

/** poetry.lock (Poetry 1 and 2): what the main dependencies of pyproject.toml need. */
export function readPoetryLock(text: string, roots: readonly LockedNeed[]): Locked {
  const lock = parseToml('poetry.lock', text, poetryLock);
  const packages = lock.package.map(({ name, version, files, dependencies, markers, source }) => ({
    name,
    version,
    hashes: files.map(({ hash }) => hash),
    needs: poetryNeedsOf(dependencies),
    marker: typeof markers === 'string' ? markers : markers?.['main'],
    reference: referenceOf(name, source?.type, source?.url, source?.resolved_reference),
  }));
  return walkLock(packages, roots);
}

/** Dependencies as Poetry writes them, also in pyproject.toml; optional ones come by an extra only. */
export function poetryNeedsOf(needs: z.output<typeof poetryNeeds>): LockedNeed[] {
  return Object.entries(needs).flatMap(([name, value]) =>
    [value].flat().map((one) => {
      if (typeof one === 'string') return { name };
      const { markers, extras } = one;
      return { name, ...(markers ? { marker: markers } : {}), ...(extras ? { extras } : {}) };
    }),
  );
}

const uvNeed = z.looseObject({
  name: z.string(),
  version: z.string().optional(),
  marker: z.string().optional(),
  extra: z.array(z.string()).optional(),
});
const uvFile = z.looseObject({ hash: z.string().optional() });
const uvLock = z.looseObject({
  package: z
    .array(
      z.looseObject({
        name: z.string(),
        version: z.string().default('0'),
        source: z.record(z.string(), z.unknown()).default({}),
        dependencies: z.array(uvNeed).default([]),
        'optional-dependencies': z.record(z.string(), z.array(uvNeed)).default({}),
        sdist: uvFile.optional(),
        wheels: z.array(uvFile).default([]),
      }),
    )
    .default([]),
});

/** uv.lock: what the project itself needs, without its groups for development. */
export function readUvLock(text: string): Locked {
  const lock = parseToml('uv.lock', text, uvLock);
  const project = lock.package.find(({ source }) =>
    ['virtual', 'editable', 'directory'].some((kind) => source[kind] === '.'),
  );
  if (!project) throw new AppError('INVALID', 'uv.lock does not have the project itself; run uv lock');
  const packages = lock.package.map((one) => ({
    name: one.name,
    version: one.version,
    hashes: [one.sdist, ...one.wheels].flatMap((file) => file?.hash ?? []),
    needs: uvNeedsOf(one.dependencies),
    extraNeeds: Object.fromEntries(
      Object.entries(one['optional-dependencies']).map(([extra, all]) => [
        extra.toLowerCase(),
        uvNeedsOf(all),
      ]),
    ),
    reference: uvReference(one.name, one.source),
  }));
  return walkLock(packages, uvNeedsOf(project.dependencies));
}

function uvNeedsOf(all: readonly z.output<typeof uvNeed>[]): LockedNeed[] {
  return all.map(({ name, version, marker, extra }) => ({
    name,
    ...(version ? { version } : {}),
    ...(marker ? { marker } : {}),
    ...(extra ? { extras: extra } : {}),
  }));
}

function uvReference(name: string, source: Readonly<Record<string, unknown>>): string | undefined {
  const [kind] = ['git', 'url', 'path', 'directory', 'editable'].filter((key) => source[key] !== undefined);
  if (!kind || source[kind] === '.') return undefined;
  // uv writes https://host/repo?branch=main#commit
  const [url = '', commit] = String(source[kind]).split('#');
  return referenceOf(name, kind, url.replace(/\?.*$/, ''), commit);
}

function referenceOf(name: string, type = '', url = '', commit?: string): string | undefined {
  if (type === 'git') return `${name} @ git+${url}${commit ? `@${commit}` : ''}`;
  if (type === 'url') return `${name} @ ${url}`;
  if (/^(?:directory|editable|path|file)$/.test(type)) return `./${url.replace(/^\.\//, '')}`;
  return undefined;
}

const pipfileNeed = z.looseObject({
  version: z.string().optional(),
  hashes: z.array(z.string()).default([]),
  markers: z.string().optional(),
  extras: z.array(z.string()).optional(),
  git: z.string().optional(),
  ref: z.string().optional(),
});
const pipfileLock = z.looseObject({ default: z.record(z.string(), pipfileNeed).default({}) });

/** Pipfile.lock, which lists everything with its markers. */
export function readPipfileLock(text: string): Locked {
  const lock = parseAs('Pipfile.lock', pipfileLock, () => JSON.parse(text));
  const wanted = Object.entries(lock.default)
    .filter(([, { markers }]) => !markers || markerHolds(markers))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const hasHashes = wanted.every(([, { hashes, git }]) => hashes.length > 0 && !git);
  const lines = wanted.map(([name, { version = '', hashes, extras, git, ref }]) => {
    if (git) return `${name} @ git+${git}${ref ? `@${ref}` : ''}`;
    const asked = `${name}${extras ? `[${extras.join(',')}]` : ''}${version === '*' ? '' : version}`;
    return [asked, ...(hasHashes ? hashes.map((hash) => `--hash=${hash}`) : [])].join(' ');
  });
  return { lines, names: new Set(wanted.map(([name]) => normalName(name))), hasHashes };
}

/** What pyproject.toml asks for; the project's own name and settings do not matter here. */
export const pyproject = z.looseObject({
  project: z
    .looseObject({ dependencies: z.array(z.string()).default([]), 'requires-python': z.string().optional() })
    .optional(),
  tool: z
    .looseObject({ poetry: z.looseObject({ dependencies: poetryNeeds.default({}) }).optional() })
    .optional(),
});
export type Pyproject = z.output<typeof pyproject>;

/** What the project itself needs, as roots of its lock file. */
export function rootsOf({ project, tool }: Pyproject): LockedNeed[] {
  const { python: _, ...needs } = tool?.poetry?.dependencies ?? {};
  const required = Object.fromEntries(
    Object.entries(needs).filter(
      ([, value]) => ![value].flat().some((one) => typeof one === 'object' && one.optional),
    ),
  );
  return [...(project?.dependencies ?? []).flatMap((line) => needOf(line) ?? []), ...poetryNeedsOf(required)];
}
