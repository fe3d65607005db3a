import { baseOf, builtLayer } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { readBaseImage } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { Api } from '../api.ts';
import { begin, getApp } from '../commands/operations.ts';
import type { CallContext } from '../context.ts';
import type { OperationRecord } from '../records.ts';

/**
 * Begins to put the app's current version over the newest base image. Throws CONFLICT when that would change nothing
 * or the image does not stand on a base of ours.
 */
export async function rebaseApp(api: Api, id: string, context: CallContext): Promise<OperationRecord> {
  const app = await getApp(api, id, context);
  const refuse = (why: string): AppError =>
    new AppError('CONFLICT', `Cannot rebase app "${app.name}": ${why}`);
  const version = app.currentVersionId ? await api.repository.findVersion(app.currentVersionId) : null;
  if (!version) throw refuse('it has no version yet; deploy it first');
  const layers = z.array(builtLayer).parse(JSON.parse(version.build.layers ?? '[]'));
  const base = baseOf(layers);
  if (!base) throw refuse('its image does not stand on a base image of this data centre; deploy it instead');
  if ((await readBaseImage(api.repository.db)) === base)
    throw refuse(`version ${version.number} stands on the newest base image already`);
  return begin(api, app, {
    kind: 'DEPLOY',
    actor: context.actor,
    arguments: { rebaseOf: version.id },
  });
}
