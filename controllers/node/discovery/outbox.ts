/** What is to be written to a stream, in order; read once. */
export class Outbox<T> implements AsyncIterable<T> {
  private readonly queue: T[] = [];
  private wake: (() => void) | undefined;
  private isEnded = false;
  private error: unknown;

  push(item: T): void {
    this.queue.push(item);
    this.wake?.();
  }

  /** Ends the reading after what is queued, with the error when there is one. */
  end(error?: unknown): void {
    this.isEnded = true;
    this.error ??= error;
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const item = this.queue.shift();
      if (item !== undefined) yield item;
      else if (this.isEnded) break;
      else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        this.wake = undefined;
      }
    }
    if (this.error !== undefined) throw this.error;
  }
}
