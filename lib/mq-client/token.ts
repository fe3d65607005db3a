import { createHmac, timingSafeEqual } from 'node:crypto';

/** The token by which the queue knows a service: its name and what the queue's secret makes of it (HMAC-SHA256). */
export function mqTokenOf(secret: string, service: string): string {
  const proof = createHmac('sha256', secret).update(`mq service ${service}`).digest('base64url');
  return `${service}.${proof}`;
}

/** The service whose token it is; null for any other text. */
export function serviceOfMqToken(secret: string, token: string): string | null {
  const service = token.slice(0, Math.max(0, token.lastIndexOf('.')));
  const [given, right] = [Buffer.from(token), Buffer.from(mqTokenOf(secret, service))];
  return given.length === right.length && timingSafeEqual(given, right) ? service : null;
}
