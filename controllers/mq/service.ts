import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import {
  QueueService,
  type SubscribeResponseSchema,
} from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { AppError } from '@skyarc/lib/errors';
import { type HandOut, Member } from './member.ts';
import type { Settlement } from './dispatcher.ts';
import { deadSuffix, type Queue } from './queue.ts';

const maxBodyBytes = 256 * 1024;
const namePattern = /^[a-z0-9][a-z0-9.-]{0,62}$/;
const topicPattern = /^[a-z0-9][a-z0-9.-]{0,62}?(\.dead)?$/;

/** The RPC face of the queue: checks what comes in. */
export function routesOf(queue: Queue): (router: ConnectRouter) => void {
  const settle = async (
    request: { topic: string; group: string; deliveryId: string },
    settlement: Settlement,
  ) => {
    checkNames(request.topic, request.group);
    if (!/^[1-9]\d{0,14}-[\w-]{12}$/.test(request.deliveryId))
      throw invalid('deliveryId', 'is not one of ours');
    await queue.dispatcher(request.topic, request.group).settle(request.deliveryId, settlement);
    return {};
  };
  return (router) =>
    router.service(QueueService, {
      async publish({ topic, messageId, key, lane, body }) {
        checkNames(topic);
        checkLength('messageId', messageId, 1, 128);
        checkLength('key', key, 0, 256);
        checkLength('lane', lane, 0, 256);
        if (body.length > maxBodyBytes)
          throw invalid('body', `has ${body.length} bytes, at most ${maxBodyBytes}`);
        const message = { messageId, key, body: Buffer.from(body).toString('base64') };
        const { sequence, duplicate } = await queue.publish(topic, lane ? { ...message, lane } : message);
        return { sequence: BigInt(sequence), duplicate };
      },
      async *subscribe(request, context) {
        const member = await memberOf(queue, request, request.maxInFlight);
        const dispatcher = queue.dispatcher(request.topic, request.group);
        const leave = (): void => dispatcher.leave(member);
        context.signal.addEventListener('abort', leave);
        dispatcher.join(member);
        try {
          while (!context.signal.aborted) for (const handOut of await member.take()) yield wireOf(handOut);
        } finally {
          leave();
        }
      },
      async pull(request, context) {
        const waitMs = checkRange('waitMs', request.waitMs, 0, 60_000);
        const member = await memberOf(
          queue,
          request,
          checkRange('maxMessages', request.maxMessages || 1, 1, 100),
        );
        const dispatcher = queue.dispatcher(request.topic, request.group);
        // Even who will not wait leaves time for one hand-out.
        const leave = (): void => dispatcher.leave(member);
        const patience = setTimeout(leave, Math.max(waitMs, 250));
        context.signal.addEventListener('abort', leave);
        dispatcher.join(member);
        try {
          return { deliveries: (await member.take()).map(wireOf) };
        } finally {
          clearTimeout(patience);
          leave();
        }
      },
      ack: (request) => settle(request, { kind: 'ack' }),
      nack: (request) => {
        const delayMs = checkRange('delayMs', request.delayMs, 0, 7 * 86_400_000);
        return settle(request, { kind: 'nack', delayMs, reason: request.reason.slice(0, 1_000) });
      },
      extend: (request) =>
        settle(request, { kind: 'extend', ackDeadlineMs: checkDeadline(request.ackDeadlineMs) }),
      inspect({ topic }) {
        checkNames(topic);
        const { retained, dead, groups } = queue.inspect(topic);
        return {
          retained: BigInt(retained),
          dead: BigInt(dead),
          groups: groups.map(({ group, waiting, inFlight, oldestAgeMs }) => ({
            group,
            waiting: BigInt(waiting),
            inFlight: BigInt(inFlight),
            oldestAgeMs: BigInt(oldestAgeMs),
          })),
        };
      },
    });
}

async function memberOf(
  queue: Queue,
  request: { topic: string; group: string; ackDeadlineMs: number; maxAttempts: number },
  maxInFlight: number,
): Promise<Member> {
  checkNames(request.topic, request.group);
  const member = new Member({
    maxInFlight: checkRange('maxInFlight', maxInFlight || 1, 1, 1_000),
    ackDeadlineMs: checkDeadline(request.ackDeadlineMs),
    // A dead letter has nowhere else to go.
    maxAttempts: request.topic.endsWith(deadSuffix)
      ? Number.MAX_SAFE_INTEGER
      : checkRange('maxAttempts', request.maxAttempts || 5, 1, 1_000),
  });
  await queue.ensureGroup(request.topic, request.group);
  return member;
}

function wireOf({
  deliveryId,
  sequence,
  attempt,
  message,
}: HandOut): MessageInitShape<typeof SubscribeResponseSchema> {
  return {
    deliveryId,
    sequence: BigInt(sequence),
    attempt,
    messageId: message.messageId,
    key: message.key,
    body: Buffer.from(message.body, 'base64'),
    publishedUnixMs: BigInt(message.publishedMs),
  };
}

function checkNames(topic: string, group?: string): void {
  if (!topicPattern.test(topic)) throw invalid('topic', 'must be 1 to 63 of a-z, 0-9, "." and "-"');
  if (group !== undefined && !namePattern.test(group)) {
    throw invalid('group', 'must be 1 to 63 of a-z, 0-9, "." and "-"');
  }
}

function checkLength(field: string, text: string, min: number, max: number): void {
  if (text.length < min || text.length > max) throw invalid(field, `must have ${min} to ${max} characters`);
}

function checkDeadline(ackDeadlineMs: number): number {
  return checkRange('ackDeadlineMs', ackDeadlineMs || 30_000, 100, 86_400_000);
}

function checkRange(field: string, value: number, min: number, max: number): number {
  if (value < min || value > max) throw invalid(field, `must be ${min} to ${max}`);
  return value;
}

function invalid(field: string, why: string): AppError {
  return new AppError('INVALID', `Cannot use this request: ${field} ${why}`, { details: { field } });
}
