import { isSame, jsonOf, pushOf, type WebhookFormat } from './format.ts';

/** docs.gitlab.com/user/project/integrations/webhooks: the secret itself in X-Gitlab-Token. */
export const gitlab: WebhookFormat = {
  verify: ({ headers }, secret) =>
    isSame(headers.get('x-gitlab-token'), secret) ? { signsBody: false } : null,
  deliveryOf: ({ headers }) => headers.get('idempotency-key') ?? headers.get('x-gitlab-event-uuid') ?? null,
  read: (request) => {
    const event = request.headers.get('x-gitlab-event') ?? 'Push Hook';
    if (event !== 'Push Hook' && event !== 'Tag Push Hook')
      return { kind: 'OTHER', event, why: 'only pushes deploy' };
    return pushOf(event, jsonOf(request));
  },
};
