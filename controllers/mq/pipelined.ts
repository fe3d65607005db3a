/** Handles requests of a stream beside each other, at most so many, and answers in their order. */
export async function* pipelined<Request, Answer>(
  requests: AsyncIterable<Request>,
  atMost: number,
  handle: (request: Request) => Promise<Answer>,
): AsyncGenerator<Answer> {
  const open: Promise<Answer>[] = [];
  const state = { ended: false };
  let changed = Promise.withResolvers<void>();
  const change = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const reading = (async () => {
    try {
      for await (const request of requests) {
        const answer = handle(request);
        // It is awaited in its turn; until then a failure must not count as nobody's.
        answer.catch(() => undefined);
        open.push(answer);
        change();
        while (open.length >= atMost && !state.ended) await changed.promise;
        if (state.ended) return;
      }
    } finally {
      state.ended = true;
      change();
    }
  })();
  reading.catch(() => undefined);
  try {
    for (;;) {
      const next = open[0];
      if (next) {
        yield await next;
        void open.shift();
        change();
      } else if (state.ended) break;
      else await changed.promise;
    }
    await reading;
  } finally {
    state.ended = true;
    change();
  }
}
