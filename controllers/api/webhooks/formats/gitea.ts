import { bodyHmac, isSame, jsonOf, pushOf, type WebhookFormat } from './format.ts';

const senders = ['gitea', 'forgejo', 'gogs'] as const;

/** docs.gitea.com/usage/webhooks, and Gogs, where it comes from: the HMAC-SHA256 of the body in hexadecimal. */
export const gitea: WebhookFormat = {
  verify: ({ headers, body }, secret) => {
    const wanted = bodyHmac(secret, body);
    const given = senders.map((sender) => headers.get(`x-${sender}-signature`)).find(Boolean);
    return isSame(given?.toLowerCase(), wanted) ? { signsBody: true } : null;
  },
  deliveryOf: ({ headers }) =>
    senders.map((sender) => headers.get(`x-${sender}-delivery`)).find(Boolean) ?? null,
  read: (request) => {
    const event = senders.map((sender) => request.headers.get(`x-${sender}-event`)).find(Boolean) ?? 'push';
    if (event !== 'push') return { kind: 'OTHER', event, why: 'only pushes deploy' };
    return pushOf(event, jsonOf(request));
  },
};
