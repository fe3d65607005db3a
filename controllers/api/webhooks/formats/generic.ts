import { createHmac } from 'node:crypto';
import {
  bodyHmac,
  isSame,
  jsonOf,
  objectAt,
  textAt,
  type WebhookFormat,
  type WebhookRequest,
} from './format.ts';

/** How far the time of a Standard Webhook may be from ours. */
const windowMs = 300_000;

/** Any program: the secret as a bearer, an HMAC of the body, or a Standard Webhook (standardwebhooks.com). */
export const generic: WebhookFormat = {
  verify: (request, secret) => {
    const { headers, body } = request;
    const bearer = /^Bearer\s+(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1];
    if (isSame(bearer, secret)) return { signsBody: false };
    const signature = headers.get('x-signature-256') ?? headers.get('x-hub-signature-256');
    if (isSame(signature?.replace(/^sha256=/, '').toLowerCase(), bodyHmac(secret, body)))
      return { signsBody: true };
    return isStandard(request, secret) ? { signsBody: true } : null;
  },
  deliveryOf: ({ headers }) => headers.get('webhook-id') ?? headers.get('x-delivery-id') ?? null,
  read: (request) => {
    const payload = request.body.length === 0 ? {} : jsonOf(request);
    const ref = textAt(payload['branch']) ?? textAt(payload['ref']);
    const commit = textAt(payload['commit']) ?? textAt(payload['after']);
    return {
      kind: 'PUSH',
      event: 'call',
      branch: ref?.replace(/^refs\/(heads|tags)\//, '') ?? null,
      isTag: ref?.startsWith('refs/tags/') ?? false,
      commitId: commit,
      message: textAt(payload['message']) ?? textAt(objectAt(payload['head_commit'])['message']),
      paths: Array.isArray(payload['paths'])
        ? payload['paths'].filter((one): one is string => typeof one === 'string')
        : null,
    };
  },
};

/** `v1,<base64>` of `<id>.<timestamp>.<body>`; a secret `whsec_...` is base64. */
function isStandard({ headers, body, nowMs }: WebhookRequest, secret: string): boolean {
  const [id, timestamp] = [headers.get('webhook-id'), headers.get('webhook-timestamp')];
  if (!id || !timestamp || !/^\d{10}$/.test(timestamp)) return false;
  if (Math.abs(nowMs - Number(timestamp) * 1_000) > windowMs) return false;
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : secret;
  const sign = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  const given = (headers.get('webhook-signature') ?? '').split(' ').slice(0, 5);
  return given.some((one) => isSame(one, `v1,${sign}`));
}
