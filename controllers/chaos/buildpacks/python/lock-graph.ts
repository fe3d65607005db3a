import { AppError } from '@skyarc/lib/errors';
import { markerHolds } from './markers.ts';

/** A dependency as a lock file writes it. */
export interface LockedNeed {
  readonly name: string;
  readonly marker?: string;
  readonly extras?: readonly string[];
  /** Set where several versions of the package are locked. */
  readonly version?: string;
}

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** `sha256:...`, of all files that may be installed. */
  readonly hashes: readonly string[];
  readonly needs: readonly LockedNeed[];
  /** Needs of an extra, by its name. */
  readonly extraNeeds?: Readonly<Record<string, readonly LockedNeed[]>>;
  /** Where it holds at all. */
  readonly marker?: string;
  /** Instead of `name==version`, for one that no index has: `name @ git+https://...@commit`. */
  readonly reference?: string;
}

/** A lock file as lines for pip, which then asks nothing but the index for just these files. */
export interface Locked {
  readonly lines: readonly string[];
  readonly names: ReadonlySet<string>;
  readonly hasHashes: boolean;
}

export function normalName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** Everything that the roots need on our platform, each once, in order of names. */
export function walkLock(packages: readonly LockedPackage[], roots: readonly LockedNeed[]): Locked {
  const byName = Map.groupBy(packages, ({ name }) => normalName(name));
  const taken = new Map<string, { readonly found: LockedPackage; readonly extras: Set<string> }>();
  const queue = roots.map((need) => ({ need, extras: new Set<string>() }));
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { need, extras } = next;
    if (need.marker && !markerHolds(need.marker, extras)) continue;
    const found = choose(byName.get(normalName(need.name)) ?? [], need);
    const known = taken.get(normalName(need.name));
    const wanted = (need.extras ?? []).map((extra) => extra.toLowerCase());
    if (known && wanted.every((extra) => known.extras.has(extra))) continue;
    const all = new Set([...(known?.extras ?? []), ...wanted]);
    taken.set(normalName(need.name), { found, extras: all });
    const more = [...all].flatMap((extra) => found.extraNeeds?.[extra] ?? []);
    queue.push(...[...found.needs, ...more].map((one) => ({ need: one, extras: all })));
  }
  const chosen = [...taken.values()]
    .map(({ found }) => found)
    .toSorted((a, b) => (normalName(a.name) < normalName(b.name) ? -1 : 1));
  const hasHashes = chosen.every(({ hashes, reference }) => hashes.length > 0 && !reference);
  const lines = chosen.map(({ name, version, hashes, reference }) =>
    [reference ?? `${name}==${version}`, ...(hasHashes ? hashes.map((hash) => `--hash=${hash}`) : [])].join(
      ' ',
    ),
  );
  return { lines, names: new Set(taken.keys()), hasHashes };
}

function choose(locked: readonly LockedPackage[], { name, version }: LockedNeed): LockedPackage {
  const fitting = locked.filter(
    (one) => (version === undefined || one.version === version) && (!one.marker || markerHolds(one.marker)),
  );
  const found = fitting[0] ?? locked[0];
  if (found) return found;
  throw new AppError('INVALID', `The lock file does not have package ${name}; lock again and commit it`);
}
