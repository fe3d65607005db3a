import { isSame, jsonOf, listAt, type Notice, objectAt, textAt, type WebhookFormat } from './format.ts';

/** Registries' notices of a push. They sign nothing: the token stands in the address, or in Authorization. */
export const image: WebhookFormat = {
  verify: ({ headers, token }, secret) => {
    const authorization = headers.get('authorization');
    const bearer = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
    const isKnown = isSame(token, secret) || isSame(bearer, secret) || isSame(authorization, secret);
    return isKnown ? { signsBody: false } : null;
  },
  deliveryOf: (request) => {
    const events = listAt(jsonOf(request)['events']).map(objectAt);
    return textAt(events[0]?.['id']) ?? request.headers.get('x-delivery-id') ?? null;
  },
  read: (request) => {
    const payload = jsonOf(request);
    return distribution(payload) ?? dockerHub(payload) ?? harbor(payload) ?? unknown;
  },
};

const unknown: Notice = { kind: 'OTHER', event: 'notice', why: 'it names no image that was pushed' };
type Payload = Readonly<Record<string, unknown>>;

/** distribution.github.io/distribution/about/notifications. */
function distribution(payload: Payload): Notice | null {
  if (!Array.isArray(payload['events'])) return null;
  const images = payload['events']
    .map(objectAt)
    .filter((event) => event['action'] === 'push')
    .map((event) => objectAt(event['target']))
    .flatMap((target) => {
      const repository = textAt(target['repository']);
      const tag = textAt(target['tag']);
      // Layers are pushed, too; only a manifest has a tag.
      return repository && tag ? [{ repository, tag }] : [];
    });
  return images.length > 0 ? { kind: 'IMAGE', event: 'push', images } : null;
}

/** docs.docker.com/docker-hub/repos/manage/webhooks. */
function dockerHub(payload: Payload): Notice | null {
  const repository = textAt(objectAt(payload['repository'])['repo_name']);
  if (!repository) return null;
  const tag = textAt(objectAt(payload['push_data'])['tag']);
  return { kind: 'IMAGE', event: 'push', images: [{ repository, tag }] };
}

/** goharbor.io/docs: PUSH_ARTIFACT. */
function harbor(payload: Payload): Notice | null {
  if (payload['type'] !== 'PUSH_ARTIFACT') return null;
  const data = objectAt(payload['event_data']);
  const repository = textAt(objectAt(data['repository'])['repo_full_name']);
  if (!repository) return null;
  const images = listAt(data['resources']).map((one) => ({ repository, tag: textAt(objectAt(one)['tag']) }));
  return { kind: 'IMAGE', event: 'push', images };
}
