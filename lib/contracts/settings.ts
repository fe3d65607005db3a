import { z } from 'zod';

const percent = (what: string) =>
  z.int().min(1, `${what} is 1 to 100 percent`).max(100, `${what} is 1 to 100 percent`);

/** What an administrator can change of a data centre; stored as rows of Setting, JSON each. */
export const dataCenterSettings = z.object({
  allowPrivateSources: z.boolean().default(false),
  /** What a pod reserves of its limit when its app does not say. */
  cpuRequestPercent: percent('The reserved share').default(25),
  memoryRequestPercent: percent('The reserved share').default(50),
  /** Directory of the ACME server (RFC 8555); null: automatic certificates are off. */
  acmeDirectoryUrl: z
    .url({ protocol: /^https?$/, error: 'is not an http or https address' })
    .max(500, 'An address has at most 500 characters')
    .nullable()
    .default(null),
  acmeEmail: z.email('is not a mail address').max(254).nullable().default(null),
});
export type DataCenterSettings = z.output<typeof dataCenterSettings>;
