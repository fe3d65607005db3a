import { z } from 'zod';
import { portNumber } from './names.ts';

const hostName = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,252})$/, 'A host is a name or an address');
const httpUrl = z
  .url({ protocol: /^https?$/, error: 'An address begins with http:// or https://' })
  .max(500, 'An address has at most 500 characters')
  .refine((text) => !URL.parse(text)?.username, 'User and password do not belong into the address');
const username = z.string().max(200).default('');

/** Where lines of apps may go besides the event log, and what each needs to know; secrets are kept apart. */
export const logOutputKinds = {
  /** RFC 5424, with octet counting (RFC 6587, 3.4.1) by TCP and TLS, a datagram a line by UDP. */
  SYSLOG: z.object({
    host: hostName,
    port: portNumber,
    transport: z.enum(['TCP', 'TLS', 'UDP']).default('TCP'),
  }),
  /** Base address of Loki: lines go to `/loki/api/v1/push`. */
  LOKI: z.object({ url: httpUrl, username }),
  /** Base address of Elasticsearch or OpenSearch: lines go to `/_bulk` and this index or data stream. */
  ELASTICSEARCH: z.object({
    url: httpUrl,
    username,
    index: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,200}$/, 'An index is lower case without spaces')
      .default('skyarc-logs'),
  }),
} as const;

export type LogOutputKind = keyof typeof logOutputKinds;
export type LogOutputSettings<Kind extends LogOutputKind = LogOutputKind> = z.infer<
  (typeof logOutputKinds)[Kind]
>;
