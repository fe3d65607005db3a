import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import {
  type AckManyRequest,
  type AckRequest,
  type ExtendRequest,
  type FailureSchema,
  type NackRequest,
  type PublishRequest,
  type PublishResponseSchema,
  type PublishStreamRequest,
  type PublishStreamResponseSchema,
  QueueService,
  type SubscribeResponseSchema,
} from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { AppError, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { directCall, type DirectCall, type HeaderSource } from '@skyarc/lib/rpc';
import type { Access } from './access.ts';
import type { Settlement } from './settlements.ts';
import { type HandOut, Member } from './member.ts';
import { operatorCalls, type OperatorDeps } from './operators.ts';
import { pipelined } from './pipelined.ts';
import type { Queue } from './queue.ts';
import {
  checkDeadline,
  checkDeliveryId,
  checkNackDelay,
  checkNames,
  checkRange,
  invalid,
  memberOptionsOf,
  messageOf,
} from './requests.ts';

const streamMessages = 4_096;
const streamRequests = 32;

export interface ServiceDeps extends OperatorDeps {
  readonly queue: Queue;
  readonly access: Access;
}

/** The RPC face of the queue: checks what comes in and who may. */
export function routesOf(deps: ServiceDeps): (router: ConnectRouter) => void {
  return (router) =>
    router.service(QueueService, {
      ...publishCalls(deps),
      ...subscribeCalls(deps),
      ...settleCalls(deps),
      ...operatorCalls(deps),
    });
}

type Calls = Partial<ServiceImpl<typeof QueueService>>;

function publishCalls({ queue, access }: ServiceDeps): Calls {
  const publishMany = async (
    { messages }: PublishStreamRequest,
    headers: Headers,
  ): Promise<MessageInitShape<typeof PublishStreamResponseSchema>> => {
    const topic = messages[0]?.topic ?? '';
    checkNames(topic);
    access.check(headers, 'publish', topic);
    if (messages.length > streamMessages || messages.some((one) => one.topic !== topic))
      throw invalid('messages', `must be 1 to ${streamMessages} of one topic`);
    const outcomes = await queue.publishAll(
      topic,
      messages.map((message) => messageOf(message, false)),
    );
    return {
      sequences: outcomes.map((outcome) => BigInt(outcome instanceof AppError ? 0 : outcome.sequence)),
      duplicates: outcomes.flatMap((one, index) =>
        !(one instanceof AppError) && one.duplicate ? [index] : [],
      ),
      failures: outcomes.flatMap((one, index) => (one instanceof AppError ? [failureOf(one, index)] : [])),
    };
  };
  const one = publishOne({ queue, access });
  return {
    publish: (request, { requestHeader }) => one(request, requestHeader),
    // One bad request must not take down those beside it on the stream.
    publishStream: (requests, { requestHeader }) =>
      pipelined(requests, streamRequests, (request) =>
        publishMany(request, requestHeader).catch((error: unknown) => ({
          sequences: request.messages.map(() => 0n),
          failures: request.messages.map((_, index) => failureOf(toAppError(error), index)),
        })),
      ),
  };
}

/** Calls of which there are many: of publishers that do not share requests, and of all consumers. */
export function directCallsOf(deps: Pick<ServiceDeps, 'queue' | 'access'>): DirectCall[] {
  const { method } = QueueService;
  const { ack, ackMany, nack, extend } = settleHandlers(deps);
  return [
    directCall(method.publish, publishOne(deps)),
    directCall(method.ack, ack),
    directCall(method.ackMany, ackMany),
    directCall(method.nack, nack),
    directCall(method.extend, extend),
  ];
}

function publishOne({ queue, access }: Pick<ServiceDeps, 'queue' | 'access'>) {
  return async (
    request: PublishRequest,
    headers: HeaderSource,
  ): Promise<MessageInitShape<typeof PublishResponseSchema>> => {
    checkNames(request.topic);
    access.check(headers, 'publish', request.topic);
    const { sequence, duplicate } = await queue.publish(request.topic, messageOf(request, true));
    return { sequence: BigInt(sequence), duplicate };
  };
}

/** INTERNAL never shows its message outside. */
function failureOf(error: AppError, index: number): MessageInitShape<typeof FailureSchema> {
  return { index, code: error.code, message: publicMessageOf(error) };
}

function subscribeCalls({ queue, access }: ServiceDeps): Calls {
  const join = async (
    request: { topic: string; group: string; ackDeadlineMs: number; maxAttempts: number },
    maxInFlight: number,
    context: { readonly requestHeader: Headers; readonly signal: AbortSignal },
  ) => {
    const { topic, group } = request;
    checkNames(topic, group);
    access.check(context.requestHeader, 'subscribe', topic);
    const member = new Member(memberOptionsOf(request, maxInFlight));
    await queue.ensureGroup(topic, group);
    const dispatcher = queue.dispatcher(topic, group);
    const leave = (): void => dispatcher.leave(member);
    context.signal.addEventListener('abort', leave);
    if (context.signal.aborted) leave();
    else dispatcher.join(member);
    return { member, leave };
  };
  return {
    async *subscribe(request, context) {
      const { member, leave } = await join(request, request.maxInFlight, context);
      try {
        while (!context.signal.aborted)
          for (const handOut of await member.take()) if (isInTime(handOut)) yield wireOf(handOut);
      } finally {
        leave();
      }
    },
    async pull(request, context) {
      const waitMs = checkRange('waitMs', request.waitMs, 0, 60_000);
      const maxMessages = checkRange('maxMessages', request.maxMessages || 1, 1, 100);
      const { member, leave } = await join(request, maxMessages, context);
      // Even who will not wait leaves time for one hand-out.
      const patience = setTimeout(leave, Math.max(waitMs, 250));
      try {
        return { deliveries: (await member.take()).filter(isInTime).map(wireOf) };
      } finally {
        clearTimeout(patience);
        leave();
      }
    },
  };
}

function settleCalls(deps: Pick<ServiceDeps, 'queue' | 'access'>): Calls {
  const { ack, ackMany, nack, extend } = settleHandlers(deps);
  return {
    ack: (request, { requestHeader }) => ack(request, requestHeader),
    ackMany: (request, { requestHeader }) => ackMany(request, requestHeader),
    nack: (request, { requestHeader }) => nack(request, requestHeader),
    extend: (request, { requestHeader }) => extend(request, requestHeader),
  };
}

function settleHandlers({ queue, access }: Pick<ServiceDeps, 'queue' | 'access'>) {
  const check = ({ topic, group }: { topic: string; group: string }, headers: HeaderSource): void => {
    checkNames(topic, group);
    access.check(headers, 'subscribe', topic);
  };
  const settle = async (
    { topic, group, deliveryId }: { topic: string; group: string; deliveryId: string },
    settlement: Settlement,
  ) => {
    checkDeliveryId(deliveryId);
    await queue.dispatcher(topic, group).settle(deliveryId, settlement);
    return {};
  };
  return {
    ackMany: async (request: AckManyRequest, headers: HeaderSource) => {
      check(request, headers);
      const { topic, group, deliveryIds } = request;
      checkRange('deliveryIds', deliveryIds.length, 1, 1_000);
      const outcomes = await Promise.allSettled(
        deliveryIds.map((deliveryId) => settle({ topic, group, deliveryId }, { kind: 'ack' })),
      );
      const failures = outcomes.flatMap((outcome, index) =>
        outcome.status === 'rejected' ? [failureOf(toAppError(outcome.reason), index)] : [],
      );
      return { failures };
    },
    ack: async (request: AckRequest, headers: HeaderSource) => {
      check(request, headers);
      return settle(request, { kind: 'ack' });
    },
    nack: async (request: NackRequest, headers: HeaderSource) => {
      check(request, headers);
      const delayMs = checkNackDelay(request.delayMs);
      return settle(request, { kind: 'nack', delayMs, reason: request.reason.slice(0, 1_000) });
    },
    extend: async (request: ExtendRequest, headers: HeaderSource) => {
      check(request, headers);
      const untilMs = Date.now() + checkDeadline(request.ackDeadlineMs);
      await settle(request, { kind: 'extend', untilMs });
      return { deadlineUnixMs: BigInt(untilMs) };
    },
  };
}

/** What was held up here past its deadline, as by a process that stood still, is somebody else's by now. */
function isInTime({ deadlineMs }: HandOut): boolean {
  return Date.now() < deadlineMs;
}

function wireOf(handOut: HandOut): MessageInitShape<typeof SubscribeResponseSchema> {
  const { deliveryId, sequence, attempt, message, deadlineMs } = handOut;
  return {
    deliveryId,
    sequence: BigInt(sequence),
    attempt,
    messageId: message.messageId,
    key: message.key,
    body: message.body,
    publishedUnixMs: BigInt(message.publishedMs),
    deadlineUnixMs: BigInt(deadlineMs),
  };
}
