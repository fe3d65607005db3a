import { createHmac } from 'node:crypto';
import { isSame, jsonOf, pushOf, type WebhookFormat } from './format.ts';

/** How far a signed time may be from ours. */
const windowMs = 3_600_000;

/** help.gitee.com/webhook: the password itself, or a signature of time and secret, in X-Gitee-Token. */
export const gitee: WebhookFormat = {
  verify: ({ headers, nowMs }, secret) => {
    const token = headers.get('x-gitee-token');
    if (isSame(token, secret)) return { signsBody: false };
    const timestamp = headers.get('x-gitee-timestamp') ?? '';
    if (!/^\d{13}$/.test(timestamp) || Math.abs(nowMs - Number(timestamp)) > windowMs) return null;
    const sign = createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64');
    // Some of its versions encode the signature for addresses.
    return isSame(token, sign) || isSame(token, encodeURIComponent(sign)) ? { signsBody: false } : null;
  },
  deliveryOf: ({ headers }) => headers.get('x-gitee-delivery') ?? null,
  read: (request) => {
    const event = request.headers.get('x-gitee-event') ?? 'Push Hook';
    if (request.headers.get('x-gitee-ping') === 'true') return { kind: 'PING', event };
    if (event !== 'Push Hook' && event !== 'Tag Push Hook')
      return { kind: 'OTHER', event, why: 'only pushes deploy' };
    return pushOf(event, jsonOf(request));
  },
};
