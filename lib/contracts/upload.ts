import { z } from 'zod';
import { entityId } from './ids.ts';

/** Where uploads are received, at the console layer and at a data centre's API alike. */
export const uploadPath = '/uploads';

/** What a data centre's API allows the bearer: to send the bytes of one upload, once. */
export const uploadGrant = z.object({
  use: z.literal('upload'),
  /** Milliseconds since 1970; the upload must begin before. */
  expiresAt: z.number(),
  id: entityId,
  team: z.string(),
  /** Ties it to a login of the console layer. */
  binding: z.string(),
});
export type UploadGrantClaims = z.infer<typeof uploadGrant>;

/** Answer to an upload. */
export const uploadReceipt = z.object({
  id: entityId,
  sha256: z.string(),
  sizeBytes: z.number(),
});
export type UploadReceipt = z.infer<typeof uploadReceipt>;
