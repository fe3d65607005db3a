import type { Block } from '@skyarc/lib/log-block';

export interface LiveBatch {
  readonly blocks: readonly Block[];
  /** Sequences that were dropped before these, if any. */
  readonly gap: { readonly from: number; readonly to: number } | null;
}

/**
 * Takes blocks at once, in the turn in which they were stored; false when it cannot now. The same array for
 * all readers of a stream.
 */
export type LiveSink = (blocks: readonly Block[]) => boolean;

/** Live readers by stream; lines reach them from memory. */
export class Followers {
  private readonly byStream = new Map<string, Set<Follower>>();
  private readonly maxBytes: number;
  private readonly onCount: (count: number) => void;
  private count = 0;

  constructor(maxBytes: number, onCount: (count: number) => void) {
    this.maxBytes = maxBytes;
    this.onCount = onCount;
  }

  attach(stream: string, sink?: LiveSink): Follower {
    const onDetach = (): void => {
      followers.delete(follower);
      this.onCount((this.count -= 1));
      if (followers.size === 0 && this.byStream.get(stream) === followers) this.byStream.delete(stream);
    };
    const follower = new Follower({ maxBytes: this.maxBytes, onDetach, sink });
    const followers = this.byStream.get(stream) ?? new Set();
    this.byStream.set(stream, followers.add(follower));
    this.onCount((this.count += 1));
    return follower;
  }

  publish(stream: string, blocks: readonly Block[]): void {
    for (const follower of this.byStream.get(stream) ?? []) follower.push(blocks);
  }

  /** Ends all readers of a stream once they have what was published: it goes on elsewhere. */
  end(stream: string): void {
    for (const follower of this.byStream.get(stream) ?? []) follower.detach();
  }

  streams(): string[] {
    return [...this.byStream.keys()];
  }
}

/** Taken at once at most, so that a reader that was behind does not hold up the others. */
const takenBytes = 256 << 10;

interface FollowerOptions {
  readonly maxBytes: number;
  readonly onDetach: () => void;
  /** Is offered what comes while nothing waits here. */
  readonly sink?: LiveSink | undefined;
}

/** A bounded queue of blocks; one that overflows becomes a gap. */
export class Follower {
  private readonly options: FollowerOptions;
  private blocks: Block[] = [];
  private bytes = 0;
  private gap: { from: number; to: number } | null = null;
  /** Set while its reader has everything and waits for more. */
  private wake: (() => void) | undefined;
  private detached = false;

  constructor(options: FollowerOptions) {
    this.options = options;
  }

  push(blocks: readonly Block[]): void {
    if (this.wake && this.options.sink?.(blocks)) return;
    for (const block of blocks) {
      this.blocks.push(block);
      this.bytes += block.size;
    }
    if (this.bytes > this.options.maxBytes && this.blocks.length > 1) this.overflow();
    this.awake();
  }

  /** The next blocks; null once it is detached and empty. */
  async take(): Promise<LiveBatch | null> {
    while (this.blocks.length === 0 && !this.gap) {
      if (this.detached) return null;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    let bytes = 0;
    let count = 0;
    for (; count < this.blocks.length && bytes < takenBytes; count += 1)
      bytes += this.blocks[count]?.size ?? 0;
    const blocks = this.blocks.splice(0, count);
    this.bytes -= bytes;
    const { gap } = this;
    this.gap = null;
    return { blocks, gap };
  }

  detach(): void {
    if (this.detached) return;
    this.detached = true;
    this.options.onDetach();
    this.awake();
  }

  private awake(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }

  private overflow(): void {
    const [first] = this.blocks;
    const last = this.blocks.at(-1);
    if (!first || !last) return;
    this.gap = { from: this.gap?.from ?? first.first, to: last.last };
    this.blocks = [];
    this.bytes = 0;
  }
}
