export { closeHttp, listen, type ListenAddress } from './listen.ts';

/** What every process's `start(config, deps?)` gives back. */
export interface RunningService {
  /** Base URL or address of its main listener. */
  readonly url: string;
  /** Drains and frees everything it holds; a second call is harmless. */
  stop(): Promise<void>;
}

type Cleanup = () => Promise<void> | void;

/** Clean-ups run in reverse order of registration; all run even when some fail. */
export class Stack {
  private readonly cleanups: Cleanup[] = [];
  private stopping: Promise<void> | undefined;

  /** Registers a clean-up and hands the value through. */
  use<T>(value: T, cleanup: (value: T) => Promise<void> | void): T {
    this.cleanups.push(() => cleanup(value));
    return value;
  }

  add(cleanup: Cleanup): void {
    this.cleanups.push(cleanup);
  }

  stop(): Promise<void> {
    this.stopping ??= this.runAll();
    return this.stopping;
  }

  private async runAll(): Promise<void> {
    const errors: unknown[] = [];
    for (const cleanup of this.cleanups.toReversed()) {
      try {
        await cleanup();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'Some clean-ups failed');
  }
}
