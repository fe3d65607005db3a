import { entityId, volumeKind } from '@skyarc/lib/contracts';
import { z } from 'zod';
import { distinct, label } from './text.ts';

const size = z
  .int()
  .min(1, 'A volume has at least 1 MB')
  .max(67_108_864, 'A volume has at most 67108864 MB (64 TB)');

/** Folders that the container's own system needs. */
const ownFolders = /^\/(proc|sys|dev)(\/|$)|^\/(etc|usr|bin|sbin|lib|lib64)\/?$/;

const mountPath = z
  .string()
  .max(512, 'A path has at most 512 characters')
  .regex(/^(\/[A-Za-z0-9._@+-]+)+$/, 'is not an absolute path such as /data')
  .refine((path) => !/\/\.{1,2}(\/|$)/.test(path), 'A path has no "." or ".." elements')
  .refine((path) => !ownFolders.test(path), 'belongs to the system of the container');

const volume = z
  .object({
    id: entityId.optional(),
    name: label('A volume name'),
    kind: volumeKind,
    mountPath,
    readOnly: z.boolean().default(false),
    sizeMb: size.optional(),
    storageClass: z
      .string()
      .max(253)
      .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'is not the name of a storage class')
      .optional(),
    accessMode: z
      .enum(['ReadWriteOnce', 'ReadWriteMany'], { error: 'is ReadWriteOnce or ReadWriteMany' })
      .optional(),
    content: z
      .string()
      .max(262_144, 'A config file has at most 262144 characters')
      .refine((text) => !text.includes('\0'), 'A config file has no NUL character')
      .optional(),
    fileMode: z
      .string()
      .regex(/^0?[0-7]{3}$/, 'is not a file mode such as 0644')
      .optional(),
    sourceId: entityId.optional(),
  })
  .superRefine((one, context) => {
    const fail = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message, input: one });
    for (const [field, kinds] of Object.entries(kindsOf)) {
      const value = one[field as keyof typeof kindsOf];
      if (value !== undefined && !kinds.includes(one.kind)) fail(field, `a ${one.kind} volume has none`);
    }
    if (one.kind === 'CONFIG_FILE' && one.content === undefined)
      fail('content', 'A CONFIG_FILE needs a text');
    if (one.kind === 'APP' && one.sourceId === undefined)
      fail('sourceId', 'An APP volume needs the volume that it shows');
  });
export type CheckedVolume = z.output<typeof volume>;

/** Which kinds have a field. */
const kindsOf: Readonly<
  Record<'sizeMb' | 'storageClass' | 'accessMode' | 'content' | 'fileMode' | 'sourceId', readonly string[]>
> = {
  sizeMb: ['SHARED', 'LOCAL', 'MEMORY', 'CLASS'],
  storageClass: ['CLASS'],
  accessMode: ['CLASS'],
  content: ['CONFIG_FILE'],
  fileMode: ['CONFIG_FILE'],
  sourceId: ['APP'],
};

export const volumes = distinct(
  distinct(z.array(volume).max(30, 'At most 30 volumes'), (one) => one.name, 'A name appears twice'),
  (one) => one.mountPath,
  'A mount path appears twice',
);
