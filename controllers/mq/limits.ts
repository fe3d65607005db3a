import { AppError } from '@skyarc/lib/errors';
import type { ResolvedMqConfig } from './config.ts';
import { deadSuffix } from './dead-letters.ts';
import type { TopicLimits } from './store/records.ts';
import type { TopicView } from './store/topic-view.ts';

/** What holds for a topic: its own settings, else the service's. A dead letter is never refused, but gets old. */
export function limitsOf(topic: TopicView, config: ResolvedMqConfig): TopicLimits {
  const own = topic.limits;
  const isDead = topic.name.endsWith(deadSuffix);
  return {
    maxMessages: own?.maxMessages || (isDead ? Infinity : config.maxTopicMessages),
    maxBytes: own?.maxBytes || (isDead ? Infinity : config.maxTopicBytes),
    retainMs: own?.retainMs || (isDead ? config.deadLetterMs : Infinity),
    retainMessages: own?.retainMessages || (isDead ? config.maxTopicMessages : Infinity),
    retainBytes: own?.retainBytes || (isDead ? config.maxTopicBytes : Infinity),
  };
}

/** Why a topic takes no message more, or null; `waiting` are those that are about to be written. */
export function refusalOf(
  topic: TopicView,
  waiting: { readonly messages: number; readonly bytes: number },
  config: ResolvedMqConfig,
): AppError | null {
  const { maxMessages, maxBytes } = limitsOf(topic, config);
  const messages = topic.messages.size + waiting.messages;
  const bytes = topic.bytes + waiting.bytes;
  if (messages < maxMessages && bytes < maxBytes) return null;
  const what = messages >= maxMessages ? `${messages} messages` : `${bytes} bytes`;
  const limit = messages >= maxMessages ? maxMessages : maxBytes;
  const slowest = [...topic.groups].toSorted(([, a], [, b]) => a.settledTo - b.settledTo)[0]?.[0];
  const who = slowest === undefined ? 'no group reads it' : `group "${slowest}" is furthest behind`;
  return new AppError(
    'EXHAUSTED',
    `Cannot publish to "${topic.name}": it is full with ${what}, and ${who}. ` +
      'Try again later; if it stays so, add consumers, delete a group that nobody reads, or raise its limits',
    { details: { retryAfterMs: 1_000, limit } },
  );
}

/** Sequences that have to go by age, count or bytes, the oldest first, whether settled or not. */
export function beyondRetention(topic: TopicView, config: ResolvedMqConfig, nowMs: number): number[] {
  const { retainMs, retainMessages, retainBytes } = limitsOf(topic, config);
  if (retainMs === Infinity && retainMessages === Infinity && retainBytes === Infinity) return [];
  const gone: number[] = [];
  let { bytes } = topic;
  for (const [sequence, message] of [...topic.messages].toSorted(([a], [b]) => a - b)) {
    const isOver = topic.messages.size - gone.length > retainMessages || bytes > retainBytes;
    if (!isOver && message.publishedMs >= nowMs - retainMs) break;
    gone.push(sequence);
    bytes -= message.body.length;
  }
  return gone;
}
