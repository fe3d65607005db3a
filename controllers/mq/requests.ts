import { AppError } from '@skyarc/lib/errors';
import type { PublishRequest } from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { deadSuffix } from './dead-letters.ts';
import { type MemberOptions } from './member.ts';
import type { NewMessage } from './publisher.ts';

/** What may come in over the wire; each check throws INVALID that names the field. */

const dayMs = 86_400_000;
const maxBodyBytes = 256 * 1024;
const namePattern = /^[a-z0-9][a-z0-9.-]{0,62}$/;
const topicPattern = /^[a-z0-9][a-z0-9.-]{0,62}?(\.dead)?$/;
const deliveryIdPattern = /^[1-9]\d{0,14}-[\w-]{12}$/;

export function checkNames(topic: string, group?: string): void {
  if (!topicPattern.test(topic)) throw invalid('topic', 'must be 1 to 63 of a-z, 0-9, "." and "-"');
  if (group !== undefined && !namePattern.test(group))
    throw invalid('group', 'must be 1 to 63 of a-z, 0-9, "." and "-"');
}

/** A topic that can have dead letters. */
export function checkLiveTopic(topic: string): void {
  checkNames(topic);
  if (topic.endsWith(deadSuffix)) throw invalid('topic', `must be without "${deadSuffix}"`);
}

export function checkDeliveryId(deliveryId: string): void {
  if (!deliveryIdPattern.test(deliveryId)) throw invalid('deliveryId', 'is not one of ours');
}

/** `owns`: the body's bytes belong to this message alone, not to a larger buffer that would be kept with it. */
export function messageOf(request: PublishRequest, owns: boolean): NewMessage {
  const { messageId, key, lane, body, delayMs } = request;
  checkLength('messageId', messageId, 1, 128);
  checkLength('key', key, 0, 256);
  checkLength('lane', lane, 0, 256);
  if (body.length > maxBodyBytes) throw invalid('body', `has ${body.length} bytes, at most ${maxBodyBytes}`);
  const delay = checkRange('delayMs', Number(delayMs), 0, 30 * dayMs);
  return {
    messageId,
    key,
    body: owns ? Buffer.from(body) : Buffer.from(body.buffer as ArrayBuffer, body.byteOffset, body.length),
    ...(lane && { lane }),
    ...(delay > 0 && { notBeforeMs: Date.now() + delay }),
  };
}

export function memberOptionsOf(
  request: { readonly topic: string; readonly ackDeadlineMs: number; readonly maxAttempts: number },
  maxInFlight: number,
): MemberOptions {
  return {
    maxInFlight: checkRange('maxInFlight', maxInFlight || 1, 1, 1_000),
    ackDeadlineMs: checkDeadline(request.ackDeadlineMs),
    // A dead letter has nowhere else to go.
    maxAttempts: request.topic.endsWith(deadSuffix)
      ? Number.MAX_SAFE_INTEGER
      : checkRange('maxAttempts', request.maxAttempts || 5, 1, 1_000),
  };
}

export function checkDeadline(ackDeadlineMs: number): number {
  return checkRange('ackDeadlineMs', ackDeadlineMs || 30_000, 100, dayMs);
}

export function checkNackDelay(delayMs: number): number {
  return checkRange('delayMs', delayMs, 0, 7 * dayMs);
}

export function checkRange(field: string, value: number, min: number, max: number): number {
  if (value < min || value > max) throw invalid(field, `must be ${min} to ${max}`);
  return value;
}

export function invalid(field: string, why: string): AppError {
  return new AppError('INVALID', `Cannot use this request: ${field} ${why}`, { details: { field } });
}

function checkLength(field: string, text: string, min: number, max: number): void {
  if (text.length < min || text.length > max) throw invalid(field, `must have ${min} to ${max} characters`);
}
