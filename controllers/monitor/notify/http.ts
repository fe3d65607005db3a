import { type Post, post as postTo } from '@skyarc/lib/egress';

/** POSTs JSON to an address that a person gave; errors as of lib/egress. */
export function post(options: Pick<Post, 'url' | 'body' | 'headers' | 'policy'>): Promise<string> {
  return postTo({
    ...options,
    contentType: 'application/json; charset=utf-8',
    timeoutMs: 10_000,
    maxAnswerBytes: 65_536,
  });
}
