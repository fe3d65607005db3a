import { z } from 'zod';

/** Who sends, and so how it is signed. */
export const webhookKind = z.enum(['GITHUB', 'GITLAB', 'GITEE', 'GITEA', 'GENERIC', 'IMAGE']);
export type WebhookKind = z.infer<typeof webhookKind>;

/** A pattern for names and paths: `*` within a part, `**` for any parts, `?` for one character, `!` before it excludes. */
export const globPattern = z
  .string()
  .min(1, 'A pattern is not empty')
  .max(200, 'A pattern has at most 200 characters')
  .regex(/^!?[^\s\p{Cc}!][^\p{Cc}]*$/u, 'A pattern has no line breaks and does not begin with a space');

/** Which pushes deploy. */
export const webhookFilter = z.object({
  /** Empty: the branch that the app is built from. */
  branches: z.array(globPattern).max(20, 'At most 20 branches').default([]),
  /** Empty: every push; else one that changes a file which fits. */
  paths: z.array(globPattern).max(50, 'At most 50 paths').default([]),
  /** Whether `[skip ci]` and the like in the newest commit's message are heeded. */
  skipMarkers: z.boolean().default(true),
});
export type WebhookFilter = z.output<typeof webhookFilter>;

export const deliveryOutcome = z.enum([
  /** A deploy has begun. */
  'DEPLOYED',
  /** It begins as soon as what the app does now has ended. */
  'WAITING',
  /** A newer push came before it could begin. */
  'SUPERSEDED',
  /** Not meant for the app, as its filters say. */
  'IGNORED',
  /** A test of the sender's. */
  'PING',
  /** Its signature or its form was wrong. */
  'REFUSED',
  /** It was meant for the app, but no deploy could begin. */
  'FAILED',
]);
export type DeliveryOutcome = z.infer<typeof deliveryOutcome>;

/** Where the console layer takes webhooks, before their ids. */
export const webhookPath = '/hooks/';
