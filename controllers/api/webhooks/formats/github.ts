import { bodyHmac, isSame, jsonOf, pushOf, type WebhookFormat } from './format.ts';

/** docs.github.com/webhooks: X-Hub-Signature-256 is the HMAC-SHA256 of the body. */
export const github: WebhookFormat = {
  verify: ({ headers, body }, secret) =>
    isSame(headers.get('x-hub-signature-256')?.toLowerCase(), `sha256=${bodyHmac(secret, body)}`)
      ? { signsBody: true }
      : null,
  deliveryOf: ({ headers }) => headers.get('x-github-delivery') ?? null,
  read: (request) => {
    const event = request.headers.get('x-github-event') ?? 'push';
    if (event === 'ping') return { kind: 'PING', event };
    if (event !== 'push') return { kind: 'OTHER', event, why: 'only pushes deploy' };
    return pushOf(event, jsonOf(request));
  },
};
