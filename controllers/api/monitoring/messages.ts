import type { MessageRecord } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { type CallContext, teamFilter } from '../context.ts';
import type { AlertSeverity, Message, MessagePage } from '../generated/resolvers.ts';

const maxCount = 100;
const maxMarked = 5_000;

/** Newest first, those of the caller's teams; for an administrator all. */
export async function listMessages(
  api: Api,
  { first, after, unread }: { first?: number | null; after?: string | null; unread?: boolean | null },
  context: CallContext,
): Promise<MessagePage> {
  const take = Math.max(0, Math.min(first ?? 20, maxCount));
  const { actor } = context;
  const found = await api.repository.db.message.findMany({
    where: { ...teamFilter(context), ...(unread ? { reads: { none: { actor } } } : {}) },
    include: { reads: { where: { actor } } },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: take + 1,
    ...(after ? { cursor: { id: after }, skip: 1 } : {}),
  });
  const items = found.slice(0, take).map(presentMessage);
  return { items, next: found.length > take ? (items.at(-1)?.id ?? null) : null };
}

export function countUnread(api: Api, context: CallContext): Promise<number> {
  return api.repository.db.message.count({
    where: { ...teamFilter(context), reads: { none: { actor: context.actor } } },
  });
}

/** Ids of others' messages are passed over. Answers how many are left. */
export async function markRead(
  api: Api,
  ids: readonly string[] | null | undefined,
  context: CallContext,
): Promise<number> {
  const { actor } = context;
  const { db } = api.repository;
  const unread = await db.message.findMany({
    where: {
      ...teamFilter(context),
      reads: { none: { actor } },
      ...(ids ? { id: { in: ids.slice(0, maxMarked) } } : {}),
    },
    select: { id: true },
    take: maxMarked,
  });
  for (const { id: messageId } of unread) {
    await db.messageRead.upsert({
      where: { messageId_actor: { messageId, actor } },
      create: { messageId, actor },
      update: {},
    });
  }
  return countUnread(api, context);
}

function presentMessage({
  reads,
  severity,
  status,
  ...message
}: MessageRecord & { readonly reads: readonly unknown[] }): Message {
  return {
    ...message,
    severity: severity as AlertSeverity,
    status: status as Message['status'],
    isRead: reads.length > 0,
  };
}
