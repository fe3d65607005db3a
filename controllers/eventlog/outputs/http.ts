import { type Post as EgressPost, post as postTo } from '@skyarc/lib/egress';

export interface Post extends Pick<EgressPost, 'url' | 'contentType' | 'body' | 'policy'> {
  readonly username: string;
  readonly secret: string | null;
  readonly signal: AbortSignal;
}

/** POSTs to an address that a person gave, with the credentials that belong to it; errors as of lib/egress. */
export function post({ username, secret, ...options }: Post): Promise<string> {
  return postTo({
    ...options,
    headers: authorizationOf(username, secret),
    timeoutMs: 30_000,
    maxAnswerBytes: 16 << 20,
  });
}

function authorizationOf(username: string, secret: string | null): Record<string, string> {
  if (!secret) return {};
  if (!username) return { authorization: `Bearer ${secret}` };
  return { authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}` };
}
