/** Maps what an iterator gives; `return()` reaches the source at once, unlike with a generator. */
export function mapEvents<From, To>(
  source: AsyncIterable<From>,
  map: (value: From) => To,
): AsyncIterableIterator<Awaited<To>> {
  const iterator = source[Symbol.asyncIterator]();
  const mapped: AsyncIterableIterator<Awaited<To>> = {
    async next() {
      const { value, done } = await iterator.next();
      return done ? { value: undefined, done: true } : { value: await map(value), done: false };
    },
    async return() {
      await iterator.return?.();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => mapped,
  };
  return mapped;
}
