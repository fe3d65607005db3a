import type { StoredFrame } from './store/record.ts';

export interface LiveBatch {
  readonly frames: readonly StoredFrame[];
  /** Frames that were dropped before these, if any. */
  readonly gap: { readonly from: number; readonly to: number } | null;
}

/** Live readers by stream; frames reach them from memory. */
export class Followers {
  private readonly byStream = new Map<string, Set<Follower>>();
  private readonly maxBytes: number;
  private readonly onCount: (count: number) => void;
  private count = 0;

  constructor(maxBytes: number, onCount: (count: number) => void) {
    this.maxBytes = maxBytes;
    this.onCount = onCount;
  }

  attach(stream: string): Follower {
    const follower = new Follower(this.maxBytes, () => {
      followers.delete(follower);
      this.onCount((this.count -= 1));
      if (followers.size === 0 && this.byStream.get(stream) === followers) this.byStream.delete(stream);
    });
    const followers = this.byStream.get(stream) ?? new Set();
    this.byStream.set(stream, followers.add(follower));
    this.onCount((this.count += 1));
    return follower;
  }

  publish(stream: string, frames: readonly StoredFrame[]): void {
    for (const follower of this.byStream.get(stream) ?? []) follower.push(frames);
  }
}

const batchFrames = 1_000;

/** A bounded queue of frames; one that overflows becomes a gap. */
export class Follower {
  private readonly maxBytes: number;
  private readonly onDetach: () => void;
  private frames: StoredFrame[] = [];
  private bytes = 0;
  private gap: { from: number; to: number } | null = null;
  private wake: (() => void) | undefined;
  private detached = false;

  constructor(maxBytes: number, onDetach: () => void) {
    this.maxBytes = maxBytes;
    this.onDetach = onDetach;
  }

  push(frames: readonly StoredFrame[]): void {
    for (const frame of frames) {
      this.frames.push(frame);
      this.bytes += frame.line.length + 200;
    }
    if (this.bytes > this.maxBytes) this.overflow();
    this.wake?.();
  }

  /** The next frames; null once it is detached. */
  async take(): Promise<LiveBatch | null> {
    while (this.frames.length === 0 && !this.gap) {
      if (this.detached) return null;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const frames = this.frames.splice(0, batchFrames);
    for (const frame of frames) this.bytes -= frame.line.length + 200;
    const { gap } = this;
    this.gap = null;
    return { frames, gap };
  }

  detach(): void {
    if (this.detached) return;
    this.detached = true;
    this.onDetach();
    this.wake?.();
  }

  private overflow(): void {
    const [first] = this.frames;
    const last = this.frames.at(-1);
    if (!first || !last) return;
    this.gap = { from: this.gap?.from ?? first.sequence, to: last.sequence };
    this.frames = [];
    this.bytes = 0;
  }
}
