import type { ServiceImpl } from '@connectrpc/connect';
import type { QueueService } from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { AppError } from '@skyarc/lib/errors';
import type { EtcdClient, Operation } from '@skyarc/lib/etcd';
import type { Access } from './access.ts';
import type { ResolvedMqConfig } from './config.ts';
import { type DeadLetters, deadSuffix } from './dead-letters.ts';
import { limitsOf } from './limits.ts';
import type { Presence } from './presence.ts';
import type { GroupState, Queue } from './queue.ts';
import { checkLiveTopic, checkNames, checkRange } from './requests.ts';
import type { QueueCache } from './store/cache.ts';
import type { TopicLimits } from './store/records.ts';
import type { TopicView } from './store/topic-view.ts';

export interface OperatorDeps {
  readonly queue: Queue;
  readonly access: Access;
  readonly cache: QueueCache;
  readonly etcd: EtcdClient;
  readonly config: ResolvedMqConfig;
  readonly deadLetters: DeadLetters;
  readonly presence: Presence;
}

const deleteKeys = 50;

/** What operators see and do. */
export function operatorCalls(deps: OperatorDeps): Partial<ServiceImpl<typeof QueueService>> {
  const { queue, access, cache, etcd, config, deadLetters, presence } = deps;
  return {
    async inspect({ topic }, { requestHeader }) {
      checkNames(topic);
      access.checkReader(requestHeader, topic);
      const view = cache.topic(topic);
      return {
        retained: BigInt(view.messages.size),
        dead: deadOf(cache, topic),
        groups: groupsOf(view, await presence.all()),
      };
    },
    async listTopics(_, { requestHeader }) {
      access.checkOperator(requestHeader);
      const live = [...cache.all()].filter(({ name }) => !name.endsWith(deadSuffix));
      const topics = live.toSorted((a, b) => (a.name < b.name ? -1 : 1));
      const consumers = await presence.all();
      return { topics: topics.map((topic) => stateOf(topic, consumers)) };
    },
    async configureTopic({ topic, limits }, { requestHeader }) {
      access.checkOperator(requestHeader);
      checkNames(topic);
      const most = Number.MAX_SAFE_INTEGER;
      const numberOf = (field: keyof TopicLimits) => checkRange(field, Number(limits?.[field] ?? 0), 0, most);
      const record: TopicLimits = {
        maxMessages: numberOf('maxMessages'),
        maxBytes: numberOf('maxBytes'),
        retainMs: numberOf('retainMs'),
        retainMessages: numberOf('retainMessages'),
        retainBytes: numberOf('retainBytes'),
      };
      const key = cache.keys.settings(topic);
      await etcd.put(key, JSON.stringify(record));
      await cache.refresh([key]);
      return {};
    },
    async deleteGroup({ topic, group }, { requestHeader }) {
      access.checkOperator(requestHeader);
      checkNames(topic, group);
      const [state] = queue.groupsOf(cache.topic(topic)).filter((one) => one.group === group);
      if (!state) throw new AppError('NOT_FOUND', `Topic "${topic}" has no group "${group}"`);
      if ((await presence.all()).has(`${topic}/${group}`))
        throw new AppError('CONFLICT', `Cannot delete group "${group}": it has consumers; stop them first`);
      await deleteGroup(etcd, cache, topic, group);
      return {};
    },
    listDeadLetters({ topic, after, limit }, { requestHeader }) {
      access.checkOperator(requestHeader);
      checkLiveTopic(topic);
      const page = deadLetters.list(topic, Number(after), checkRange('limit', limit || 100, 1, 100));
      return {
        more: page.more,
        letters: page.letters.map(([sequence, { messageId, key, body, publishedMs, dead }]) => ({
          sequence: BigInt(sequence),
          messageId: dead?.messageId ?? messageId,
          key,
          body,
          publishedUnixMs: BigInt(dead?.publishedMs ?? publishedMs),
          diedUnixMs: BigInt(publishedMs),
          group: dead?.group ?? '',
          reason: dead?.reason ?? '',
          attempts: dead?.attempts ?? 0,
        })),
      };
    },
    async replayDeadLetters({ topic, sequences }, { requestHeader }) {
      access.checkOperator(requestHeader);
      checkLiveTopic(topic);
      return { replayed: BigInt(await deadLetters.replay(topic, sequences.map(Number))) };
    },
    async discardDeadLetters({ topic, sequences }, { requestHeader }) {
      access.checkOperator(requestHeader);
      checkLiveTopic(topic);
      return { discarded: BigInt(await deadLetters.discard(topic, sequences.map(Number))) };
    },
  };

  /** With the consumers of all nodes. */
  function groupsOf(topic: TopicView, consumers: ReadonlyMap<string, number>) {
    return queue
      .groupsOf(topic)
      .map((state) => wireOfGroup(state, consumers.get(`${topic.name}/${state.group}`) ?? 0));
  }

  function stateOf(topic: TopicView, consumers: ReadonlyMap<string, number>) {
    const now = Date.now();
    let oldestMs = now;
    for (const { publishedMs } of topic.messages.values()) oldestMs = Math.min(oldestMs, publishedMs);
    const limits = limitsOf(topic, config);
    return {
      topic: topic.name,
      messages: BigInt(topic.messages.size),
      bytes: BigInt(topic.bytes),
      oldestAgeMs: BigInt(now - oldestMs),
      publishedLastMinute: BigInt(topic.publishedLately(now)),
      dead: deadOf(cache, topic.name),
      limits: {
        maxMessages: wireOfLimit(limits.maxMessages),
        maxBytes: wireOfLimit(limits.maxBytes),
        retainMs: wireOfLimit(limits.retainMs),
        retainMessages: wireOfLimit(limits.retainMessages),
        retainBytes: wireOfLimit(limits.retainBytes),
      },
      groups: groupsOf(topic, consumers),
    };
  }
}

function deadOf(cache: QueueCache, topic: string): bigint {
  return BigInt(cache.topic(topic + deadSuffix).messages.size);
}

function wireOfLimit(limit: number): bigint {
  return BigInt(limit === Infinity ? 0 : limit);
}

function wireOfGroup({ group, waiting, inFlight, oldestAgeMs, mostAttempts }: GroupState, consumers: number) {
  return {
    group,
    waiting: BigInt(waiting),
    inFlight: BigInt(inFlight),
    oldestAgeMs: BigInt(oldestAgeMs),
    consumers,
    maxAttemptsSeen: mostAttempts,
  };
}

/** Its records first and its cursor last: what is left half done is a group still. */
async function deleteGroup(etcd: EtcdClient, cache: QueueCache, topic: string, group: string): Promise<void> {
  const prefix = `${cache.keys.group(topic, group)}d/`;
  for (;;) {
    const { items } = await etcd.list(prefix, { limit: deleteKeys });
    if (items.length === 0) break;
    await etcd.txn(
      [],
      items.map(({ key }): Operation => ({ type: 'delete', key })),
    );
  }
  const cursor = cache.keys.cursor(topic, group);
  await etcd.delete(cursor);
  await cache.refresh([cursor]);
}
