import { appName, volumeKind } from '@skyarc/lib/contracts';
import { z } from 'zod';
import { inputs } from './app.ts';
import { distinct, groupId } from './text.ts';
import { volumes } from './volume.ts';

/** As of one app, but what is shown is named: it has no id yet. */
const newVolumes = z
  .array(
    z.looseObject({
      kind: volumeKind,
      sourceApp: appName.optional(),
      sourceVolume: z.string().max(40).optional(),
    }),
  )
  .transform((list, context) => {
    const placeholder = 'local.volume.aaaaaaaaaaaaaaaa';
    const plain = list.map(({ sourceApp: _app, sourceVolume: _volume, ...one }) =>
      one.kind === 'APP' ? { ...one, sourceId: placeholder } : one,
    );
    const parsed = volumes.safeParse(plain);
    if (!parsed.success) {
      for (const { path, message } of parsed.error.issues)
        context.addIssue({ code: 'custom', path: [...path], message, input: list });
      return z.NEVER;
    }
    return parsed.data.map((one, index) => ({
      ...one,
      sourceApp: list[index]?.sourceApp,
      sourceVolume: list[index]?.sourceVolume,
    }));
  });

const newApp = inputs.createApp
  .omit({ groupId: true })
  .extend({ volumes: newVolumes.optional(), dependsOn: z.array(appName).max(50).optional() });
export type CheckedNewApp = z.output<typeof newApp>;

export const createAppsInput = z.object({
  groupId,
  apps: distinct(
    z.array(newApp).min(1, 'At least one app').max(50, 'At most 50 apps at once'),
    ({ name }) => name,
    'A name appears twice',
  ),
  deploy: z.boolean().default(false),
});
