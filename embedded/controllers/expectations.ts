const expireAfterMs = 5 * 60_000;

interface Expectation {
  creations: number;
  readonly deletions: Set<string>;
  readonly since: number;
}

/**
 * What a controller has done but its cache may not show yet, by the controller's key: while an
 * expectation is open the controller must not decide again, or it would make or delete too much.
 */
export class Expectations {
  private readonly open = new Map<string, Expectation>();

  /** True when everything expected was seen, or so long ago that the news must be lost. */
  satisfied(key: string): boolean {
    const expectation = this.open.get(key);
    if (!expectation) return true;
    const isMet = expectation.creations <= 0 && expectation.deletions.size === 0;
    return isMet || Date.now() - expectation.since > expireAfterMs;
  }

  expectCreations(key: string, count: number): void {
    this.open.set(key, { creations: count, deletions: new Set(), since: Date.now() });
  }

  /** Deletions are expected by uid, so that a pod seen terminating and then gone counts once. */
  expectDeletions(key: string, uids: readonly string[]): void {
    this.open.set(key, { creations: 0, deletions: new Set(uids), since: Date.now() });
  }

  /** A creation was seen in the cache, or will never come because it failed. */
  creationSeen(key: string): void {
    const expectation = this.open.get(key);
    if (expectation) expectation.creations -= 1;
  }

  deletionSeen(key: string, uid: string): void {
    this.open.get(key)?.deletions.delete(uid);
  }

  forget(key: string): void {
    this.open.delete(key);
  }
}
