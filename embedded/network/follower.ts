import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { backoffMs, sleep } from '@skyarc/lib/retry';

/** Brings something outside up to date, one load at a time; changes that come meanwhile are one more load. */
export class Follower {
  private readonly what: string;
  private readonly load: (afterFailure: boolean) => Promise<void>;
  private readonly log: Logger;
  private readonly stopping = new AbortController();
  private isStale = false;
  private running: Promise<void> | undefined;

  /** `load` is called again, with growing waits, until it does not throw; it is told that it has thrown before. */
  constructor(what: string, load: (afterFailure: boolean) => Promise<void>, log: Logger) {
    this.what = what;
    this.load = load;
    this.log = log;
  }

  get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Something has changed: load it soon. */
  update(): void {
    this.isStale = true;
    this.running ??= this.follow().finally(() => (this.running = undefined));
  }

  /** Resolves when what was known at the call is loaded, or after `stop`. */
  async updated(): Promise<void> {
    this.update();
    await this.running;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    // Changes of one moment, such as all events of one read, are one load.
    await Promise.resolve();
    for (let failures = 0; this.isStale && !signal.aborted;) {
      this.isStale = false;
      try {
        await this.load(failures > 0);
        failures = 0;
      } catch (error) {
        failures += 1;
        this.isStale = true;
        this.log.warn({ reason: messageOf(error) }, `cannot load ${this.what}, will retry`);
        await sleep(backoffMs(failures, 100, 5_000), signal).catch(() => undefined);
      }
    }
  }
}
