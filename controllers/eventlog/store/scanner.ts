import { Worker } from 'node:worker_threads';
import type { BlockPlace } from './segment.ts';

/** Blocks of a file, ascending, and what to look for in their text. */
export interface ScanTask {
  readonly path: string;
  readonly places: readonly Pick<BlockPlace, 'offset' | 'size'>[];
  readonly needle: Uint8Array;
}

export interface ScanAnswer {
  /** Of each block, whether its text may hold the needle. */
  readonly hits: readonly boolean[];
}

const threads = 2;
/** Some milliseconds of work. */
const pieceBlocks = 32;
const idleMs = 10_000;

/** Looks for bytes in blocks of files by threads of its own, which end when nobody searches. */
export class Scanner {
  private workers: ScanThread[] = [];
  private timer: NodeJS.Timeout | undefined;
  private running = 0;

  /** Of each place in the file, ascending, whether its block may hold the needle. */
  async look(path: string, places: readonly BlockPlace[], needle: Uint8Array): Promise<boolean[]> {
    clearTimeout(this.timer);
    this.running += 1;
    try {
      const hits: (readonly boolean[])[] = [];
      let next = 0;
      // Each thread takes the next piece, so that neither waits for the other before the end.
      const work = async (thread: number): Promise<void> => {
        while (next * pieceBlocks < places.length) {
          const piece = next;
          next += 1;
          const part = places.slice(piece * pieceBlocks, (piece + 1) * pieceBlocks);
          hits[piece] = await this.scan(thread, { path, places: part, needle });
        }
      };
      await Promise.all(Array.from({ length: threads }, (_, thread) => work(thread)));
      return hits.flat();
    } finally {
      this.running -= 1;
      if (this.running === 0) this.timer = setTimeout(() => void this.stop(), idleMs).unref();
    }
  }

  /** Ends the threads; the next search begins new ones. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    const { workers } = this;
    this.workers = [];
    await Promise.all(workers.map((worker) => worker.end()));
  }

  private async scan(thread: number, { path, places, needle }: ScanTask): Promise<readonly boolean[]> {
    const known = this.workers[thread];
    const worker = known && !known.hasEnded ? known : (this.workers[thread] = new ScanThread());
    const wanted = places.map(({ offset, size }) => ({ offset, size }));
    const answer = await worker.ask({ path, places: wanted, needle });
    // A thread that ended has ruled nothing out.
    return answer?.hits ?? places.map(() => true);
  }
}

/** One thread; tasks are answered in their order. */
class ScanThread {
  // Without the arguments of this process: those of a program given as text end the thread at once.
  private readonly worker = new Worker(new URL('./scan-worker.ts', import.meta.url), { execArgv: [] });
  private waiting: ((answer: ScanAnswer | null) => void)[] = [];
  hasEnded = false;

  constructor() {
    this.worker.unref();
    this.worker.on('message', (answer: ScanAnswer) => this.waiting.shift()?.(answer));
    this.worker.on('error', () => undefined);
    this.worker.once('exit', () => {
      this.hasEnded = true;
      for (const resolve of this.waiting.splice(0)) resolve(null);
    });
  }

  ask(task: ScanTask): Promise<ScanAnswer | null> {
    if (this.hasEnded) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      this.worker.postMessage(task);
    });
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }
}
