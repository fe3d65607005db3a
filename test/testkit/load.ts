import { performance } from 'node:perf_hooks';
import { Agent, request } from 'undici';

export interface LoadReport {
  readonly sent: number;
  readonly failures: readonly string[];
  /** Answers by their body's first line. */
  readonly answers: ReadonlyMap<string, number>;
  /** Milliseconds from the intended send time, sorted. */
  readonly latencies: readonly number[];
}

export interface Load {
  /** Ends the load and waits for the requests in flight. */
  stop(): Promise<LoadReport>;
  /** What was seen so far. */
  report(): LoadReport;
}

/**
 * Requests at a constant rate (open loop) against a host through the gateway, without any retry: whatever is
 * not answered 2xx within the time-out is a failure. Keep-alive connections and fresh ones in turn.
 */
export function startLoad(options: {
  readonly gateway: string;
  readonly host: string;
  readonly path?: string;
  readonly perSecond: number;
  readonly timeoutMs?: number;
}): Load {
  const { gateway, host, path = '/', perSecond, timeoutMs = 10_000 } = options;
  const keepAlive = new Agent({ connections: 32, pipelining: 1 });
  const began = performance.now();
  const failures: string[] = [];
  const answers = new Map<string, number>();
  const latencies: number[] = [];
  const inFlight = new Set<Promise<void>>();
  let sent = 0;

  const sendOne = async (intended: number, isFresh: boolean): Promise<void> => {
    const dispatcher = isFresh ? new Agent({ connections: 1, pipelining: 0 }) : keepAlive;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const { statusCode, body } = await request(`${gateway}${path}`, {
        headers: { host },
        dispatcher,
        signal,
      });
      const text = (await body.text()).split('\n')[0] ?? '';
      if (statusCode >= 200 && statusCode < 300) answers.set(text, (answers.get(text) ?? 0) + 1);
      else failures.push(`${statusCode} ${text.slice(0, 80)}`);
    } catch (error) {
      failures.push(`${(error as NodeJS.ErrnoException).code ?? ''} ${(error as Error).message}`);
    } finally {
      latencies.push(performance.now() - intended);
      if (isFresh) await dispatcher.close();
    }
  };

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
    for (; sent < due; sent += 1) {
      const one = sendOne(began + (sent / perSecond) * 1000, sent % 4 === 0);
      inFlight.add(one);
      void one.finally(() => inFlight.delete(one));
    }
  }, 2);

  const report = (): LoadReport => ({
    sent,
    failures,
    answers,
    latencies: latencies.toSorted((a, b) => a - b),
  });
  return {
    report,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(inFlight);
      await keepAlive.close();
      return report();
    },
  };
}
