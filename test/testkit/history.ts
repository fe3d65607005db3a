import { appendFile } from 'node:fs/promises';

/** What was seen of a queue or log from outside; `at` and deadlines are milliseconds since 1970 of one machine's clock. */
export type HistoryEvent = { readonly at: number } & (
  | { readonly type: 'publish-invoked'; readonly id: string; readonly key: string; readonly content?: string }
  /** Promised to be durable. A publish that failed has no such event: it may have happened or not. */
  | { readonly type: 'publish-acked'; readonly id: string; readonly sequence?: number }
  | {
      readonly type: 'delivered';
      readonly id: string;
      /** Consumer group, or reader of a log. */
      readonly group: string;
      readonly deliveryId: string;
      /** Until then nobody else of the group may have it; absent for a log. */
      readonly deadlineMs?: number;
      readonly sequence?: number;
      readonly content?: string;
    }
  | { readonly type: 'extended'; readonly deliveryId: string; readonly deadlineMs: number }
  /** From here on the consumer has done with it. */
  | { readonly type: 'ack-invoked'; readonly deliveryId: string }
  | { readonly type: 'acked'; readonly deliveryId: string }
  /** Given back before its deadline. */
  | { readonly type: 'nack-invoked'; readonly deliveryId: string }
  /** Rightly gone for the group without an ack: a dead letter, or beyond retention. */
  | { readonly type: 'expired'; readonly id: string; readonly group: string }
);

type Without<Event> = Event extends unknown ? Omit<Event, 'at'> : never;

/** Collects events in the order in which they were seen. Record an invocation before the call, an answer after it. */
export class HistoryRecorder {
  private readonly list: HistoryEvent[] = [];

  get events(): readonly HistoryEvent[] {
    return this.list;
  }

  add(event: Without<HistoryEvent>): void {
    this.list.push({ at: Date.now(), ...event });
  }

  /** One JSON value a line, to look at when a check failed. */
  async save(file: string): Promise<void> {
    await appendFile(file, this.list.map((event) => `${JSON.stringify(event)}\n`).join(''));
  }
}
