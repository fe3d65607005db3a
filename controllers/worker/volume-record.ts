import { volumeKind } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { SecretBox } from '@skyarc/lib/secretbox';
import {
  type AppRecord,
  type EffectiveVariable,
  expandText,
  type VolumeRecord,
} from '@skyarc/prisma/datacenter';
import type { VolumeSpec } from './render/run-spec.ts';

type Row = VolumeRecord & { readonly source?: (VolumeRecord & { readonly app: AppRecord }) | null };

/** Of a volume that was given none. */
const defaultSizeMb = 1_024;
const defaultFileMode = 0o644;

/** What a volume's row says, opened and with its variables replaced. Throws INVALID for a row that makes no sense. */
export function volumeOf(
  row: Row,
  { secretBox, environment }: { secretBox: SecretBox; environment: readonly EffectiveVariable[] },
): VolumeSpec {
  const { id, name, mountPath, readOnly } = row;
  const place = { id, name, mountPath, readOnly };
  const sizeMb = row.sizeMb ?? defaultSizeMb;
  const kind = volumeKind.parse(row.kind);
  switch (kind) {
    case 'SHARED':
    case 'LOCAL':
      return { ...place, kind, sizeMb };
    case 'MEMORY':
      return { ...place, kind, sizeMb: row.sizeMb };
    case 'CLASS':
      return {
        ...place,
        kind,
        sizeMb,
        storageClass: row.storageClass,
        accessMode: row.accessMode === 'ReadWriteMany' ? 'ReadWriteMany' : 'ReadWriteOnce',
      };
    case 'CONFIG_FILE':
      return { ...place, kind, ...fileOf(row) };
    case 'APP':
      return { ...place, ...sourceOf() };
  }

  /** The variables are those of the app that reads the file, also when the file is another app's. */
  function fileOf({ id: fileId, content, fileMode }: VolumeRecord) {
    const text = content === null ? '' : secretBox.open(content, `volume:${fileId}`);
    const values = new Map(environment.map((variable) => [variable.name, variable.value]));
    return { content: expandText(text, values), fileMode: fileMode ?? defaultFileMode };
  }

  function sourceOf() {
    const { source } = row;
    if (source?.kind === 'CONFIG_FILE') return { kind: source.kind, ...fileOf(source) } as const;
    if (source?.kind !== 'SHARED') {
      throw new AppError('INVALID', `Volume "${name}" shows a volume of another app that cannot be shared`);
    }
    const { app } = source;
    return {
      kind: 'APP',
      source: {
        id: source.id,
        name: source.name,
        sizeMb: source.sizeMb ?? defaultSizeMb,
        app: { id: app.id, name: app.name, team: app.teamName },
      },
    } as const;
  }
}
