import { z } from 'zod';

/** Annotation of an Ingress of ours: JSON of {@link acmeChallenges}; the gateway answers them for every host. */
export const acmeAnnotation = 'skyarc.dev/acme-challenges';

/** Token to key authorization (RFC 8555, 8.3): what `/.well-known/acme-challenge/<token>` answers. */
export const acmeChallenges = z.record(
  z.string().regex(/^[A-Za-z0-9_-]{16,128}$/, 'is not a token of RFC 8555'),
  z.string().regex(/^[A-Za-z0-9_-]{16,128}\.[A-Za-z0-9_-]{43}$/, 'is not a key authorization of RFC 8555'),
);
