import { randomUUID } from 'node:crypto';
import { type ChangeNotice, type LogLevel, streamOf } from '@skyarc/lib/contracts';
import type { EventLogClient, NewFrame } from '@skyarc/lib/eventlog-client';
import { retry } from '@skyarc/lib/retry';
import type { JournalSink } from './journal.ts';

const batchFrames = 500;
/** What is kept while the event log is away; the oldest go first, since the database has the states. */
const maxPending = 50_000;

/**
 * Tells of operations in the event log: sentences in the operation's stream, notices in the team's `changes`
 * stream. Calls only queue; frames are sent in order, again and again until they are stored.
 */
export class EventLogSink implements JournalSink {
  private readonly eventlog: Pick<EventLogClient, 'append'>;
  private readonly source: string;
  private readonly producer: string;
  private readonly stopping = new AbortController();
  private pending: NewFrame[] = [];
  private producerSeq = 0;
  private sending: Promise<void> | undefined;

  /** `source` is shown beside each sentence: the service's name. */
  constructor(eventlog: Pick<EventLogClient, 'append'>, source: string) {
    this.eventlog = eventlog;
    this.source = source;
    this.producer = `${source}~${randomUUID()}`;
  }

  say(operationId: string, text: string, level: LogLevel): void {
    this.push(streamOf.operation(operationId), text, level);
  }

  notify(team: string, notice: ChangeNotice): void {
    this.push(streamOf.changes(team), JSON.stringify(notice), 'info');
  }

  /** Resolves once everything told so far is stored. */
  async flush(): Promise<void> {
    while (this.sending) await this.sending;
  }

  /** Sends what is queued for up to the grace time, then gives up. */
  async close(graceMs = 2000): Promise<void> {
    const timer = setTimeout(() => this.stopping.abort(), graceMs);
    await this.flush().catch(() => undefined);
    clearTimeout(timer);
  }

  private push(stream: string, line: string, level: LogLevel): void {
    this.producerSeq += 1;
    const { source, producer, producerSeq } = this;
    this.pending.push({
      stream,
      source,
      line,
      level,
      timeMs: Date.now(),
      channel: '',
      producer,
      producerSeq,
    });
    if (this.pending.length > maxPending) this.pending.shift();
    this.sending ??= this.send().finally(() => (this.sending = undefined));
  }

  private async send(): Promise<void> {
    const { signal } = this.stopping;
    while (this.pending.length > 0 && !signal.aborted) {
      const batch = this.pending.splice(0, batchFrames);
      await retry(() => this.eventlog.append(batch, signal), { signal, maxMs: 2000 }).catch(() => undefined);
    }
  }
}
