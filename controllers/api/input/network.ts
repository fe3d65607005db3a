import { entityId, hostName, portAlias, portNumber } from '@skyarc/lib/contracts';
import { z } from 'zod';
import { distinct } from './text.ts';

export const ports = distinct(
  z
    .array(
      z.object({
        port: portNumber,
        protocol: z.enum(['HTTP', 'GRPC', 'TCP', 'UDP']).default('HTTP'),
        public: z.boolean().default(true),
        alias: portAlias.optional(),
      }),
    )
    .max(50, 'At most 50 ports'),
  ({ port }) => port,
  'A port appears twice',
).superRefine((list, context) => {
  const aliases = list.map(({ alias }) => alias);
  for (const [index, alias] of aliases.entries()) {
    if (alias === undefined || aliases.indexOf(alias) === index) continue;
    context.addIssue({
      code: 'custom',
      path: [index, 'alias'],
      message: 'An alias appears twice',
      input: alias,
    });
  }
});

const basicAuthUser = z.object({
  /** What htpasswd(1) and RFC 7617 allow: no colon. */
  name: z
    .string()
    .max(64, 'A user name has at most 64 characters')
    .regex(/^[A-Za-z0-9._@+-]+$/, 'A user name has only letters, digits and . _ @ + -'),
  /** bcrypt reads 72 bytes. */
  password: z
    .string()
    .min(1, 'A password is needed')
    .refine((text) => Buffer.byteLength(text) <= 72, 'A password has at most 72 bytes')
    .optional(),
});

/** The policy is checked apart, by the contract of the gateway. */
export const routes = z
  .array(
    z.object({
      id: entityId.optional(),
      host: hostName,
      path: z.string().max(512, 'A path has at most 512 characters').default('/'),
      port: portNumber,
      enabled: z.boolean().default(true),
      policy: z.record(z.string(), z.unknown()).optional(),
      basicAuth: distinct(
        z.array(basicAuthUser).max(100, 'At most 100 users'),
        ({ name }) => name,
        'A user appears twice',
      ).optional(),
      certificateId: entityId.optional(),
    }),
  )
  .max(100, 'At most 100 routes');
export type CheckedRoute = z.output<typeof routes>[number];

export const l4Routes = z
  .array(
    z.object({
      protocol: z.enum(['TCP', 'UDP']).default('TCP'),
      listenPort: portNumber.optional(),
      port: portNumber,
    }),
  )
  .max(20, 'At most 20 ports of the gateway');
export type CheckedL4Route = z.output<typeof l4Routes>[number];
