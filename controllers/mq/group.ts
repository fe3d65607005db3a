import type { QueueCache } from './store/cache.ts';
import type { GroupView } from './store/topic-view.ts';

/** One group of a topic, by what this node knows of it. */
export class Group {
  readonly cache: QueueCache;
  readonly topic: string;
  readonly group: string;

  constructor({ cache, topic, group }: Pick<Group, 'cache' | 'topic' | 'group'>) {
    this.cache = cache;
    this.topic = topic;
    this.group = group;
  }

  /** Changes with every message of the watch; ask anew after each wait. */
  get view(): GroupView | undefined {
    return this.cache.topic(this.topic).groups.get(this.group);
  }

  deliveryKey(sequence: number): string {
    return this.cache.keys.delivery(this.topic, this.group, sequence);
  }

  get cursorKey(): string {
    return this.cache.keys.cursor(this.topic, this.group);
  }
}
