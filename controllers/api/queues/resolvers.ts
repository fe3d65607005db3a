import { isUtf8 } from 'node:buffer';
import type { TopicState, DeadLetter as Letter } from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { AppError } from '@skyarc/lib/errors';
import type { Api } from '../api.ts';
import type { CallContext } from '../context.ts';
import type { DeadLetter, MutationResolvers, QueryResolvers, QueueTopic } from '../generated/resolvers.ts';
import { audited } from '../resolvers/mutations.ts';

const shownCharacters = 4_000;

export function createQueueQueries({ queue }: Api): Pick<QueryResolvers, 'queueTopics' | 'deadLetters'> {
  return {
    queueTopics: async (_parent, _args, context) => {
      requireOperator(context);
      return (await queue.listTopics({})).topics.map(presentTopic);
    },
    deadLetters: async (_parent, { topic, after, first }, context) => {
      requireOperator(context);
      const limit = Math.max(1, Math.min(first ?? 20, 100));
      const page = await queue.listDeadLetters({ topic, after: BigInt(after ?? 0), limit });
      return { more: page.more, letters: page.letters.map(presentLetter) };
    },
  };
}

export function createQueueMutations(
  api: Api,
): Pick<
  MutationResolvers,
  'replayDeadLetters' | 'discardDeadLetters' | 'updateQueueTopic' | 'deleteQueueGroup'
> {
  const { queue } = api;
  return audited(api, {
    replayDeadLetters: async (_parent, { topic, sequences }, context) => {
      requireOperator(context);
      return Number((await queue.replayDeadLetters({ topic, sequences: named(sequences) })).replayed);
    },
    discardDeadLetters: async (_parent, { topic, sequences }, context) => {
      requireOperator(context);
      return Number((await queue.discardDeadLetters({ topic, sequences: named(sequences) })).discarded);
    },
    updateQueueTopic: async (_parent, { name, limits }, context) => {
      requireOperator(context);
      await queue.configureTopic({
        topic: name,
        limits: {
          maxMessages: wholeOf(limits.maxMessages),
          maxBytes: wholeOf(limits.maxBytes),
          retainMs: wholeOf(limits.retainSeconds, 1_000),
          retainMessages: wholeOf(limits.retainMessages),
          retainBytes: wholeOf(limits.retainBytes),
        },
      });
      const topic = (await queue.listTopics({})).topics.find((one) => one.topic === name);
      if (!topic) throw new AppError('NOT_FOUND', `There is no topic "${name}"`);
      return presentTopic(topic);
    },
    deleteQueueGroup: async (_parent, { topic, name }, context) => {
      requireOperator(context);
      await queue.deleteGroup({ topic, group: name });
      return true;
    },
  } satisfies Partial<MutationResolvers>);
}

/** Topics belong to the platform, not to a team. */
function requireOperator({ teams }: CallContext): void {
  if (teams !== 'all') throw new AppError('FORBIDDEN', 'Cannot use the queue: it is for administrators');
}

/** An empty list would mean all. */
function named(sequences: readonly number[] | null | undefined): bigint[] {
  if (sequences?.length === 0)
    throw new AppError('INVALID', 'Cannot do this with none: name some, or leave them out');
  return (sequences ?? []).map(BigInt);
}

function wholeOf(value: number | null | undefined, times = 1): bigint {
  if (value !== null && value !== undefined && !(value >= 0))
    throw new AppError('INVALID', 'Cannot set the limit: it must not be negative');
  return BigInt(Math.round((value ?? 0) * times));
}

function limitOf(value: bigint | undefined, by = 1): number | null {
  return value ? Number(value) / by : null;
}

function presentTopic(topic: TopicState): QueueTopic {
  const { limits } = topic;
  return {
    name: topic.topic,
    messages: Number(topic.messages),
    bytes: Number(topic.bytes),
    oldestSeconds: topic.messages > 0n ? Number(topic.oldestAgeMs) / 1_000 : null,
    publishedLastMinute: Number(topic.publishedLastMinute),
    deadLetters: Number(topic.dead),
    limits: {
      maxMessages: limitOf(limits?.maxMessages),
      maxBytes: limitOf(limits?.maxBytes),
      retainSeconds: limitOf(limits?.retainMs, 1_000),
      retainMessages: limitOf(limits?.retainMessages),
      retainBytes: limitOf(limits?.retainBytes),
    },
    groups: topic.groups.map((group) => ({
      name: group.group,
      waiting: Number(group.waiting),
      inFlight: Number(group.inFlight),
      oldestSeconds: group.waiting + group.inFlight > 0n ? Number(group.oldestAgeMs) / 1_000 : null,
      consumers: group.consumers,
      mostAttempts: group.maxAttemptsSeen,
    })),
  };
}

function presentLetter(letter: Letter): DeadLetter {
  const { messageId, key, group, reason, attempts, body } = letter;
  const text = Buffer.from(body).toString(isUtf8(body) ? 'utf8' : 'base64');
  return {
    sequence: Number(letter.sequence),
    messageId,
    key,
    group,
    reason,
    attempts,
    body: text.slice(0, shownCharacters),
    publishedAt: new Date(Number(letter.publishedUnixMs)),
    diedAt: new Date(Number(letter.diedUnixMs)),
  };
}
