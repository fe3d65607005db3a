import { identityOf, type Pod } from '../pod.ts';

/** Issues a token for a pod's service account; its end in milliseconds since 1970. */
export type TokenSource = (
  pod: Pod,
  audience: string | undefined,
  expirationSeconds: number,
) => Promise<{ token: string; expiresAtMs: number }>;

/** A part of its life after which a token is replaced, as the kubelet does. */
const renewAfter = 0.8;

/** Hands out the same token for a pod and audience until most of its life is over. */
export function cacheTokens(issue: TokenSource) {
  const known = new Map<string, { token: string; renewAtMs: number }>();
  return async (pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string> => {
    const now = Date.now();
    for (const [key, { renewAtMs }] of known) if (renewAtMs <= now) known.delete(key);
    const key = `${identityOf(pod).uid} ${audience ?? ''} ${expirationSeconds}`;
    const cached = known.get(key);
    if (cached) return cached.token;
    const { token, expiresAtMs } = await issue(pod, audience, expirationSeconds);
    known.set(key, { token, renewAtMs: now + (expiresAtMs - now) * renewAfter });
    return token;
  };
}
