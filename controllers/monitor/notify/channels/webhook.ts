import { createHmac } from 'node:crypto';
import { post } from '../http.ts';
import { titleOf } from '../text.ts';
import type { Channel } from './channel.ts';

/**
 * JSON by POST. With a signing key `x-skyarc-signature` is `t=<unix seconds>,v1=<hex>`, the HMAC-SHA256 of
 * `<unix seconds>.<body>`: a receiver compares it in constant time and refuses old ones.
 */
export const webhook: Channel<'WEBHOOK'> = async ({ notification, secret, policy }) => {
  const body = JSON.stringify({
    version: 1,
    groupKey: notification.groupKey,
    title: titleOf(notification),
    alerts: notification.alerts.map(({ isFiring, fingerprint, ...alert }) => ({
      ...alert,
      id: `${fingerprint}:${alert.startedAt.getTime()}`,
      status: isFiring ? 'FIRING' : 'RESOLVED',
    })),
  });
  const headers: Record<string, string> = {};
  if (secret.signingKey !== undefined) {
    const at = Math.floor(Date.now() / 1_000);
    const signature = createHmac('sha256', secret.signingKey).update(`${at}.${body}`).digest('hex');
    headers['x-skyarc-signature'] = `t=${at},v1=${signature}`;
  }
  await post({ url: secret.url, body, headers, policy });
};

/** Says that alerts still work; what hears nothing raises alarm. */
export const heartbeat: Channel<'HEARTBEAT'> = async ({ secret, policy }) => {
  await post({ url: secret.url, body: '{}', policy });
};
