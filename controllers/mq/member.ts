import type { MessageRecord } from './store/records.ts';

/** A message in the hands of a member. */
export interface HandOut {
  readonly deliveryId: string;
  readonly sequence: number;
  readonly attempt: number;
  readonly message: MessageRecord;
  /** Milliseconds since 1970. */
  readonly deadlineMs: number;
}

export interface MemberOptions {
  readonly maxInFlight: number;
  readonly ackDeadlineMs: number;
  readonly maxAttempts: number;
}

/** So many deadlines long. */
const lapseFactor = 6;

/** One subscriber of a group at this node: hand-outs wait here for its stream to take them. */
export class Member {
  readonly options: MemberOptions;
  /** Delivery ids by sequence, from the claim until it is settled or past its deadline. */
  readonly inFlight = new Map<number, string>();
  private queue: HandOut[] = [];
  private wake: (() => void) | undefined;
  private closed = false;
  private lapsedUntilMs = 0;

  constructor(options: MemberOptions) {
    this.options = options;
  }

  get capacity(): number {
    return this.closed ? 0 : this.options.maxInFlight - this.inFlight.size;
  }

  /** Let a deadline pass: others come first for a while, or a stopped one would be given everything again and again. */
  lapse(nowMs: number): void {
    this.lapsedUntilMs = nowMs + lapseFactor * this.options.ackDeadlineMs;
  }

  /** The greater, the rather it is given the next message. */
  rankAt(nowMs: number): number {
    return this.capacity > 0 && nowMs < this.lapsedUntilMs
      ? 1 / (1 + this.options.maxInFlight)
      : this.capacity;
  }

  /** False when the subscriber has gone. */
  deliver(handOut: HandOut): boolean {
    if (this.closed) return false;
    this.queue.push(handOut);
    this.wake?.();
    return true;
  }

  /** Everything that waits, after at least one came; nothing once it is closed. */
  async take(): Promise<HandOut[]> {
    if (this.queue.length === 0 && !this.closed) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.queue.splice(0);
  }

  /** Takes no more; the answer was never sent out and may go to others at once. */
  close(): HandOut[] {
    this.closed = true;
    this.wake?.();
    return this.queue.splice(0);
  }
}
