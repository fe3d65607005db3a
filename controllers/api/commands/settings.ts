import { type DataCenterSettings, dataCenterSettings } from '@skyarc/lib/contracts';
import { check } from '@skyarc/lib/input';
import { readSettings, writeSettings } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import type { DataCenterSettingsInput } from '../generated/resolvers.ts';

/** Changes what was given; an empty text switches off. */
export async function updateSettings(
  { repository }: Api,
  input: DataCenterSettingsInput,
): Promise<DataCenterSettings> {
  const given = Object.entries(input).filter(([, value]) => value !== null && value !== undefined);
  const wanted = Object.fromEntries(given.map(([name, value]) => [name, value === '' ? null : value]));
  const checked = check('Cannot change the settings', dataCenterSettings.partial(), wanted);
  return repository.db.$transaction(async (tx) => {
    // Of a partial schema the defaults come along; only what was given counts.
    await writeSettings(
      tx,
      Object.fromEntries(Object.keys(wanted).map((name) => [name, checked[name as never]])),
    );
    return readSettings(tx);
  });
}
