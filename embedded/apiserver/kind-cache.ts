import type { Entry } from './entry.ts';

/** One change of one object; `previous` is its state before, for selectors that it leaves. */
export interface CacheEvent {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly path: string;
  readonly entry: Entry;
  readonly previous: Entry | undefined;
}

const historyLimit = 4096;

/** All objects of one kind at the newest known revision, in key order, and its latest changes. */
export class KindCache {
  private readonly entries = new Map<string, Entry>();
  private paths: string[] = [];
  private history: CacheEvent[] = [];
  private readonly listeners = new Set<(event: CacheEvent) => void>();
  /** Changes after this revision can still be replayed. */
  private replayableFrom = 0;

  get(path: string): Entry | undefined {
    return this.entries.get(path);
  }

  get size(): number {
    return this.entries.size;
  }

  get watchers(): number {
    return this.listeners.size;
  }

  /** Paths with their entries in key order; of one namespace when given, those after a path when given. */
  *list(namespace?: string, after = ''): Generator<[string, Entry]> {
    const prefix = namespace ? `${namespace}/` : '';
    const start = after > prefix ? lowerBound(this.paths, `${after}\0`) : lowerBound(this.paths, prefix);
    for (let i = start; i < this.paths.length; i += 1) {
      const path = this.paths[i] as string;
      if (!path.startsWith(prefix)) return;
      yield [path, this.entries.get(path) as Entry];
    }
  }

  /** Fills an empty cache: paths must come in key order. */
  load(entries: Iterable<[string, Entry]>, revision: number): void {
    for (const [path, entry] of entries) {
      this.entries.set(path, entry);
      this.paths.push(path);
    }
    this.replayableFrom = revision;
  }

  put(path: string, entry: Entry): void {
    const previous = this.entries.get(path);
    if (previous && previous.revision >= entry.revision) return;
    this.entries.set(path, entry);
    if (!previous) this.paths.splice(lowerBound(this.paths, path), 0, path);
    this.emit({ revision: entry.revision, type: previous ? 'MODIFIED' : 'ADDED', path, entry, previous });
  }

  delete(path: string, revision: number): void {
    const previous = this.entries.get(path);
    if (!previous || previous.revision >= revision) return;
    this.entries.delete(path);
    this.paths.splice(lowerBound(this.paths, path), 1);
    this.emit({ revision, type: 'DELETED', path, entry: previous.deletedAt(revision), previous });
  }

  /** Nothing at or before this revision may be resumed from any more. */
  forget(revision: number): void {
    this.history = [];
    this.replayableFrom = Math.max(this.replayableFrom, revision);
  }

  /** Changes after a revision; null when some of them are forgotten. */
  since(revision: number): readonly CacheEvent[] | null {
    if (revision < this.replayableFrom) return null;
    const first = this.history.findIndex((event) => event.revision > revision);
    return first < 0 ? [] : this.history.slice(first);
  }

  listen(listener: (event: CacheEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private emit(event: CacheEvent): void {
    this.history.push(event);
    if (this.history.length > historyLimit * 1.25) {
      const dropped = this.history.splice(0, this.history.length - historyLimit);
      this.replayableFrom = dropped.at(-1)?.revision ?? this.replayableFrom;
    }
    for (const listener of this.listeners) listener(event);
  }
}

/** Index of the first text that is not before the wanted one. Plain comparison is etcd's byte order for names. */
function lowerBound(sorted: readonly string[], wanted: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
