import { z } from 'zod';

const failure = z.object({
  name: z.string(),
  type: z.string(),
  reason: z.enum(['NO_SUCH_NAME', 'REFUSED', 'NOT_READY', 'LIMITED']),
  /** Of the same question with the same end, as long as it is remembered. */
  count: z.int(),
  /** Milliseconds since 1970, of the last one. */
  atMs: z.number(),
});

/** A question that got no useful answer. */
export type DnsFailure = z.output<typeof failure>;

/** What a server of names says of itself, at `/state` of its status server. */
export const dnsState = z.object({
  address: z.string(),
  zones: z.array(
    z.object({
      origin: z.string(),
      /** Names of apps for other networks; else the app domain or another zone of hosts. */
      isInternal: z.boolean(),
      /** Every name below leads to the gateways. */
      isWildcard: z.boolean(),
      /** That are answered; a wildcard is one of them. */
      names: z.int(),
      serial: z.number(),
    }),
  ),
  gateways: z.array(z.object({ address: z.string(), isAlive: z.boolean() })),
  /** Since the process began. */
  questions: z.number(),
  /** Of the last minute. */
  questionsPerSecond: z.number(),
  /** Newest first. */
  failures: z.array(failure),
  /** Null before the cluster ever answered. */
  clusterSilenceSec: z.number().nullable(),
});
export type DnsState = z.output<typeof dnsState>;
