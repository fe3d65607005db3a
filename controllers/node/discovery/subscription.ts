import type { Kind, Resource } from './types.ts';

/** What is to be sent of one kind. */
export interface Change {
  readonly updated: readonly Resource[];
  readonly removed: readonly string[];
}

/** What a client wants of one kind, and what it has. */
export class Subscription {
  readonly kind: Kind;
  /** Wants all that there are. */
  isWildcard = false;
  readonly names = new Set<string>();
  /** The response that is not answered yet. */
  pendingNonce: string | null = null;
  /** The version that it accepted last. */
  acceptedVersion = '';
  /** Names that may have changed; null means any. Undefined: none. */
  private doubtful: Set<string> | null | undefined;
  /** Asked for anew: to be sent even if it was sent before. */
  private readonly asked = new Set<string>();
  private readonly sent = new Map<string, Resource>();
  private mark = 0n;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  get isDoubtful(): boolean {
    return this.doubtful !== undefined;
  }

  /** Version of everything that it was sent. */
  get version(): string {
    return versionOf(this.mark, this.sent.size);
  }

  sentResources(): Iterable<Resource> {
    return this.sent.values();
  }

  doubt(names: Iterable<string> | null): void {
    if (names === null) this.doubtful = null;
    else if (this.doubtful !== null) {
      this.doubtful ??= new Set();
      for (const name of names) this.doubtful.add(name);
    }
  }

  /** Wants the name from now on, whether it was sent before or not. */
  ask(name: string): void {
    this.names.add(name);
    this.asked.add(name);
    this.doubt([name]);
  }

  /** Those of the names that it wants are sent, whether they were sent before or not. */
  askAgain(names: Iterable<string>): void {
    for (const name of names) {
      if (!this.isWildcard && !this.names.has(name)) continue;
      this.asked.add(name);
      this.doubt([name]);
    }
  }

  forget(name: string): void {
    this.names.delete(name);
    this.asked.delete(name);
    this.keep(name, undefined);
  }

  /** True when what it has, by its own words, is what there is; then that counts as sent. */
  resume(version: string, resources: ReadonlyMap<string, Resource>): boolean {
    const present = this.wanted(resources);
    const mark = present.reduce((sum, { fingerprint }) => sum ^ fingerprint, 0n);
    if (versionOf(mark, present.length) !== version) return false;
    for (const resource of present) this.keep(resource.name, resource);
    this.asked.clear();
    this.doubtful = undefined;
    return true;
  }

  /** Takes it that the client has these versions. */
  assume(versions: Readonly<Record<string, string>>, resources: ReadonlyMap<string, Resource>): void {
    for (const [name, version] of Object.entries(versions)) {
      const resource = resources.get(name);
      this.keep(name, resource?.version === version ? resource : { ...unknown, name });
      this.asked.delete(name);
    }
    this.doubt(null);
  }

  /** All that it wants and that there is. */
  wanted(resources: ReadonlyMap<string, Resource>): Resource[] {
    if (this.isWildcard) return [...resources.values()];
    return [...this.names].flatMap((name) => resources.get(name) ?? []);
  }

  /** What differs from what was sent; from then on it counts as sent. */
  take(resources: ReadonlyMap<string, Resource>): Change {
    const candidates = this.candidates(resources);
    this.doubtful = undefined;
    const updated: Resource[] = [];
    const removed: string[] = [];
    for (const name of candidates) {
      const isWanted = this.isWildcard || this.names.has(name);
      const now = isWanted ? resources.get(name) : undefined;
      const before = this.sent.get(name);
      const isAsked = this.asked.has(name);
      if (now && (isAsked || now.version !== before?.version)) updated.push(now);
      if (!now && (isAsked || before)) removed.push(name);
      this.keep(name, now);
    }
    this.asked.clear();
    return { updated, removed };
  }

  private candidates(resources: ReadonlyMap<string, Resource>): Iterable<string> {
    if (this.doubtful) return this.doubtful;
    const wanted = this.isWildcard ? resources.keys() : this.names;
    return new Set([...this.sent.keys(), ...wanted]);
  }

  private keep(name: string, resource: Resource | undefined): void {
    const before = this.sent.get(name);
    if (before) this.mark ^= before.fingerprint;
    if (!resource) {
      this.sent.delete(name);
      return;
    }
    this.mark ^= resource.fingerprint;
    this.sent.set(name, resource);
  }
}

const unknown: Resource = { name: '', version: '', fingerprint: 0n, bytes: new Uint8Array() };

function versionOf(mark: bigint, size: number): string {
  return `${mark.toString(36)}-${size}`;
}
