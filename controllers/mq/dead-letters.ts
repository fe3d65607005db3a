import type { EtcdClient } from '@skyarc/lib/etcd';
import type { NewMessage } from './publisher.ts';
import type { QueueCache } from './store/cache.ts';
import type { MessageRecord } from './store/records.ts';
import { removeMessages } from './store/remove.ts';

export const deadSuffix = '.dead';

export interface DeadLettersDeps {
  readonly etcd: EtcdClient;
  readonly cache: QueueCache;
  readonly duplicateWindowMs: number;
  readonly publish: (topic: string, message: NewMessage) => Promise<unknown>;
}

/** What a topic's groups gave up: kept as a topic of its own, `<topic>.dead`. */
export class DeadLetters {
  private readonly deps: DeadLettersDeps;

  constructor(deps: DeadLettersDeps) {
    this.deps = deps;
  }

  /** Oldest first, after a sequence. */
  list(topic: string, after: number, limit: number): { letters: [number, MessageRecord][]; more: boolean } {
    const later = [...this.of(topic)].filter(([sequence]) => sequence > after).toSorted(([a], [b]) => a - b);
    return { letters: later.slice(0, limit), more: later.length > limit };
  }

  /** Publishes them again; the id says which letter it was, so that doing it twice does it once. All of them when none is named. */
  async replay(topic: string, sequences: readonly number[]): Promise<number> {
    const wanted = this.wanted(topic, sequences);
    for (const sequence of wanted) {
      const letter = this.of(topic).get(sequence);
      if (!letter) continue;
      const { key, body, lane } = letter;
      await this.deps.publish(topic, { messageId: `replay/${sequence}`, key, body, lane });
    }
    return this.remove(topic, wanted);
  }

  discard(topic: string, sequences: readonly number[]): Promise<number> {
    return this.remove(topic, this.wanted(topic, sequences));
  }

  private of(topic: string): ReadonlyMap<number, MessageRecord> {
    return this.deps.cache.topic(topic + deadSuffix).messages;
  }

  private wanted(topic: string, sequences: readonly number[]): number[] {
    const known = this.of(topic);
    const wanted = sequences.length > 0 ? sequences.filter((one) => known.has(one)) : [...known.keys()];
    return wanted.toSorted((a, b) => a - b);
  }

  private remove(topic: string, sequences: readonly number[]): Promise<number> {
    return removeMessages(this.deps, this.deps.cache.topic(topic + deadSuffix), sequences);
  }
}
