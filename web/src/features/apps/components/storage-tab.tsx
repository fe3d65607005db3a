'use client';

import { AppSettingsDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, VolumeFieldsFragment, VolumeInput } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { adaptAction, useQuery } from '../../../components/api.ts';
import { bytes, memory } from '../../../components/format.ts';
import type { Field, FormRecord } from '../../../components/record-form/index.ts';
import { Loaded } from '../../../components/states.tsx';
import { optionsOf, RecordPanel } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { TeamVolumesDocument } from '../../../generated/operations.ts';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { partsText } from '../parts-text.ts';

type Volume = VolumeFieldsFragment;
interface Storage {
  readonly volumes: readonly VolumeInput[];
}

const refreshMs = 10_000;

/** Folders and files that outlive pods. */
export function StorageTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const state = useQuery(AppSettingsDocument, { id: app.id }, { refreshMs });
  return (
    <Loaded state={state} rows={6}>
      {(data) => data.app && <Volumes app={app} volumes={data.app.volumes} reload={state.reload} />}
    </Loaded>
  );
}

interface VolumesProps {
  readonly app: AppFieldsFragment;
  readonly volumes: readonly Volume[];
  readonly reload: () => Promise<void>;
}

function Volumes({ app, volumes, reload }: VolumesProps): ReactNode {
  const t = useText(partsText);
  const { mayDevelop } = useTeam();
  const update = useUpdateApp(app.id);
  const fields = useVolumeFields(app);
  return (
    <RecordPanel<Storage>
      title={t('volumes')}
      hint={volumes.length > 0 ? t('removedData') : t('volumesHint')}
      fields={fields}
      value={{
        volumes: volumes.map(({ usedBytes: _used, usedAt: _at, status: _status, ...volume }) => volume),
      }}
      action={adaptAction(update, (value: Storage) => ({ volumes: [...value.volumes] }), reload)}
      testId="storage"
      editable={mayDevelop}
    >
      {volumes.length === 0 ? (
        <p className="faint">{t('noVolumes')}</p>
      ) : (
        <ul style={{ marginTop: 16 }}>
          {volumes
            .filter(({ usedBytes, status }) => usedBytes !== null || status !== null)
            .map(({ id, name, usedBytes, sizeMb, status }) => (
              <li key={id} className="soft small">
                <strong>{name}</strong>
                {usedBytes !== null && ` · ${t('used')}: ${bytes(Number(usedBytes))}`}
                {sizeMb !== null && ` / ${memory(sizeMb)}`}
                {status !== null && ` · ${t('state')}: ${status}`}
              </li>
            ))}
        </ul>
      )}
    </RecordPanel>
  );
}

const of = (...wanted: readonly string[]) => ({
  when: (volume: FormRecord) => wanted.includes(volume['kind'] as string),
});

function useVolumeFields(app: AppFieldsFragment): Field[] {
  const t = useText(partsText);
  const { team } = useTeam();
  const known = useQuery(TeamVolumesDocument, { name: team.name });
  const sources = (known.data?.team?.apps ?? [])
    .filter(({ id }) => id !== app.id)
    .flatMap(({ name, volumes }) =>
      volumes
        .filter(({ kind }) => kind === 'SHARED' || kind === 'CONFIG_FILE')
        .map((volume) => ({ value: volume.id, label: `${name} · ${volume.name}` })),
    );
  const kinds = ['SHARED', 'LOCAL', 'MEMORY', 'CLASS', 'CONFIG_FILE', 'APP'] as const;
  return [
    {
      kind: 'rows',
      key: 'volumes',
      label: t('volumes'),
      isAlone: true,
      add: t('addVolume'),
      empty: { id: null, name: '', kind: 'SHARED', mountPath: '', readOnly: false, sizeMb: 1_024 },
      fields: [
        { kind: 'text', key: 'name', label: t('name'), mono: true, placeholder: 'data' },
        {
          kind: 'choice',
          key: 'kind',
          label: t('kind'),
          options: optionsOf(kinds, (value) => t(value)),
        },
        { kind: 'text', key: 'mountPath', label: t('mountPath'), mono: true, placeholder: '/data' },
        {
          kind: 'number',
          key: 'sizeMb',
          label: t('sizeMb'),
          unit: t('mb'),
          help: t('sizeHelp'),
          min: 1,
          step: 256,
          ...of('SHARED', 'LOCAL', 'MEMORY', 'CLASS'),
        },
        { kind: 'text', key: 'storageClass', label: t('storageClass'), mono: true, ...of('CLASS') },
        {
          kind: 'choice',
          key: 'accessMode',
          label: t('accessMode'),
          options: optionsOf(['ReadWriteOnce', 'ReadWriteMany'], (value) => t(value)),
          ...of('CLASS'),
        },
        { kind: 'choice', key: 'sourceId', label: t('source'), options: sources, ...of('APP') },
        {
          kind: 'text',
          key: 'fileMode',
          label: t('fileMode'),
          mono: true,
          placeholder: '0644',
          ...of('CONFIG_FILE'),
        },
        { kind: 'switch', key: 'readOnly', label: t('readOnly'), ...of('SHARED', 'LOCAL', 'CLASS', 'APP') },
        {
          kind: 'area',
          key: 'content',
          label: t('content'),
          help: t('contentHelp', { example: '${NAME:-default}' }),
          ...of('CONFIG_FILE'),
        },
      ],
    },
  ];
}
