import { z } from 'zod';

/** A program and its arguments, never a shell line. */
const command = z.array(z.string()).min(1);

const rests = {
  /** Rest after a restart, doubled with each one that did not help. */
  restMs: z.number().positive().default(10_000),
  maxRestMs: z.number().positive().default(600_000),
};

/** A service of this machine that the agent looks after. */
export const serviceConfigSchema = z.strictObject({
  name: z.string().min(1),
  check: z.discriminatedUnion('by', [
    /** Healthy with a status of 2xx. */
    z.strictObject({ by: z.literal('http'), url: z.url({ protocol: /^https?$/ }) }),
    /** Healthy when a connection is taken. */
    z.strictObject({ by: z.literal('tcp'), host: z.string(), port: z.int().min(1).max(65_535) }),
    /** Healthy with exit status 0. */
    z.strictObject({ by: z.literal('command'), command }),
  ]),
  everyMs: z.number().positive().default(5_000),
  timeoutMs: z.number().positive().default(3_000),
  /** Failures in a row that make it unhealthy. */
  failures: z.int().min(1).default(3),
  /** What brings it back; without it the agent only tells. */
  restart: z
    .discriminatedUnion('by', [
      z.strictObject({
        by: z.literal('command'),
        command,
        timeoutMs: z.number().positive().default(60_000),
        ...rests,
      }),
      /**
       * Ends the process that `identityOf` named so when it gives no answer at all, so that who supervises it starts
       * it again. One that answers that it is not well is left alone: the reason is seldom within it.
       */
      z.strictObject({ by: z.literal('end'), process: z.string(), ...rests }),
    ])
    .optional(),
});
export type ServiceConfig = z.output<typeof serviceConfigSchema>;
