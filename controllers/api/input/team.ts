import {
  entityId,
  envName,
  envScope,
  envValue,
  greyRelease,
  hostName,
  pluginField,
  quota,
  teamName,
} from '@skyarc/lib/contracts';
import { z } from 'zod';
import { command } from './run.ts';
import { between, distinct, groupId, label, plainText } from './text.ts';

export const variables = distinct(
  z
    .array(
      z.object({
        name: envName,
        value: envValue.optional(),
        secret: z.boolean().default(false),
        scope: envScope.default('SELF'),
      }),
    )
    .max(500, 'At most 500 variables'),
  ({ name }) => name,
  'A name appears twice',
);
export type CheckedVariable = z.output<typeof variables>[number];

const ids = distinct(z.array(entityId).max(200, 'At most 200 apps'), (id) => id, 'An app appears twice');

export const configSet = z.object({
  id: entityId.optional(),
  groupId,
  name: label('A name'),
  enabled: z.boolean().default(true),
  entries: variables,
  appIds: ids,
});

/** `[registry/]repository[:tag][@digest]` (distribution's reference grammar), or `app:<id>`. */
const image = z
  .string()
  .max(512, 'An image has at most 512 characters')
  .regex(
    /^(app:[a-z0-9.-]+|([a-zA-Z0-9.-]+(:\d{1,5})?\/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[a-f0-9]{64})?)$/,
    'is not an image reference such as registry.example.com/team/tool:1.2, or app:<id>',
  );

export const plugin = z.object({
  id: entityId.optional(),
  name: label('A plug-in name'),
  kind: z.enum(['INIT', 'SIDE_CAR']),
  description: plainText(500, 'A description').default(''),
  image,
  command: command.optional(),
  fields: distinct(
    z.array(pluginField).max(50, 'At most 50 fields'),
    ({ name }) => name,
    'A field appears twice',
  ).default([]),
  cpuMillis: between(10, 64_000, 'CPU of a plug-in').default(100),
  memoryMb: between(16, 262_144, 'Memory of a plug-in').default(64),
});

export const appPlugins = distinct(
  z
    .array(
      z.object({
        pluginId: entityId,
        version: z.int().min(1).optional(),
        enabled: z.boolean().default(true),
        config: variables.optional(),
        cpuMillis: between(10, 64_000, 'CPU of a plug-in').optional(),
        memoryMb: between(16, 262_144, 'Memory of a plug-in').optional(),
      }),
    )
    .max(20, 'At most 20 plug-ins'),
  ({ pluginId }) => pluginId,
  'A plug-in appears twice',
);
export type CheckedAppPlugin = z.output<typeof appPlugins>[number];

export const dependencyIds = ids;

/** A host that http-01 can prove (RFC 8555, 8.3): no wildcard. */
const orderedHost = hostName.refine(
  (host) => !host.startsWith('*.'),
  'http-01 proves no wildcard hosts; upload a certificate',
);

export const certificates = {
  upload: z.object({
    name: label('A certificate name'),
    chain: z.string().max(65_536, 'A chain has at most 65536 characters'),
    privateKey: z.string().max(16_384, 'A key has at most 16384 characters'),
  }),
  order: z.object({
    name: label('A certificate name'),
    hosts: distinct(
      z.array(orderedHost).min(1, 'At least one host').max(100, 'At most 100 hosts'),
      (host) => host,
      'A host appears twice',
    ),
  }),
};

export const quotaInput = quota.extend({ teamName });

export const grey = greyRelease;

export const explain = z.object({
  method: z
    .string()
    .regex(/^[A-Z]{1,20}$/, 'is not an HTTP method')
    .default('GET'),
  url: z
    .url({ protocol: /^https?$/, error: 'is not an address such as https://shop.example.com/cart' })
    .max(4_096),
  headers: z
    .array(z.object({ name: z.string().max(128), value: z.string().max(4_096) }))
    .max(50, 'At most 50 headers')
    .default([]),
  clientIp: z.union([z.ipv4(), z.ipv6()], { error: 'is not an IP address' }).optional(),
});
