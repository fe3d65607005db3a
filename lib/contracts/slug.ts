import { z } from 'zod';
import { entityId } from './ids.ts';

/** Where slugs are handed out, at the console layer and at a data centre's API alike. */
export const slugPath = '/slugs';

/** What a data centre's API allows the bearer: to read the files of one version. */
export const slugGrant = z.object({
  use: z.literal('slug'),
  /** Milliseconds since 1970; the download must begin before. */
  expiresAt: z.number(),
  /** Of the version. */
  id: entityId,
  team: z.string(),
  /** Ties it to a login of the console layer. */
  binding: z.string(),
});
export type SlugGrantClaims = z.infer<typeof slugGrant>;
