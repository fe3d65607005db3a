/** One thing at a time for each app within this process. */
export class AppLocks {
  private readonly tails = new Map<string, Promise<unknown>>();

  /** Runs when everything asked for before on the same app has ended. */
  async with<T>(appId: string, run: () => Promise<T>): Promise<T> {
    const before = this.tails.get(appId) ?? Promise.resolve();
    const mine = before.then(run, run);
    const tail = mine.catch(() => undefined);
    this.tails.set(appId, tail);
    try {
      return await mine;
    } finally {
      if (this.tails.get(appId) === tail) this.tails.delete(appId);
    }
  }
}
