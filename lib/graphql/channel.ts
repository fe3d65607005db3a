/**
 * A push source that is read as an async iterator. Unlike a generator, `return()` takes effect at once,
 * also while somebody waits in `next()`, so a subscriber that leaves frees everything behind it.
 */
export class Channel<T> implements AsyncIterableIterator<T> {
  private readonly values: T[] = [];
  private readonly waiting: PromiseWithResolvers<IteratorResult<T>>[] = [];
  private readonly onEnd: () => void;
  private error: unknown;
  private hasFailed = false;
  private isEnded = false;

  /** `onEnd` runs once, when either side has ended it. */
  constructor(onEnd: () => void = () => undefined) {
    this.onEnd = onEnd;
  }

  get ended(): boolean {
    return this.isEnded;
  }

  /** Values that nobody has read yet. */
  get pending(): number {
    return this.values.length;
  }

  push(value: T): void {
    if (this.isEnded) return;
    const reader = this.waiting.shift();
    if (reader) reader.resolve({ value, done: false });
    else this.values.push(value);
  }

  /** Completes after what was pushed has been read; with an error, reading ends by throwing it. */
  end(...failure: [error: unknown] | []): void {
    if (this.isEnded) return;
    this.isEnded = true;
    [this.error] = failure;
    this.hasFailed = failure.length > 0;
    for (const reader of this.waiting.splice(0)) this.settle(reader);
    this.onEnd();
  }

  next(): Promise<IteratorResult<T>> {
    const reader = Promise.withResolvers<IteratorResult<T>>();
    if (this.values.length > 0) reader.resolve({ value: this.values.shift() as T, done: false });
    else if (this.isEnded) this.settle(reader);
    else this.waiting.push(reader);
    return reader.promise;
  }

  return(): Promise<IteratorResult<T>> {
    this.values.length = 0;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private settle(reader: PromiseWithResolvers<IteratorResult<T>>): void {
    if (!this.hasFailed) return reader.resolve({ value: undefined, done: true });
    this.hasFailed = false;
    reader.reject(this.error);
  }
}
