'use client';

import type { AppSettingsFieldsFragment, MeshInput } from '@skyarc/sdk';
import { App } from 'antd';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { Note } from '../../../components/note.tsx';
import { RecordPanel } from '../../../components/record-form/index.ts';
import type { Option } from '../../../components/record-form/index.ts';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { meshFields } from '../mesh-fields.ts';
import { meshText } from '../text.ts';

interface MeshRecord {
  readonly mesh: MeshInput | null;
}

export interface MeshPanelProps {
  readonly appId: string;
  /** Its connections as they are stored. */
  readonly settings: Pick<AppSettingsFieldsFragment, 'mesh' | 'dependencies'>;
  /** Other apps of the team. */
  readonly teamApps: readonly Option[];
  readonly editable: boolean;
  readonly reload: () => Promise<void>;
}

/** The rules for calls to the apps that it needs. */
export function MeshPanel({ appId, settings, teamApps, editable, reload }: MeshPanelProps): ReactNode {
  const t = useText(meshText);
  const { add } = useOperations();
  const { notification } = App.useApp();
  const save = useAction(async ({ mesh }: MeshRecord) => {
    const { operation } = await api().apps.setMesh(appId, mesh);
    if (operation) add(operation);
    notification.success({ title: t('saved') });
    await reload();
    return true as const;
  });
  const { mesh, dependencies } = settings;
  const needed = dependencies.map(({ app: { id, name, displayName } }) => ({
    value: id,
    label: displayName || name,
  }));
  return (
    <RecordPanel<MeshRecord>
      title={t('mesh')}
      hint={t('meshHint')}
      fields={meshFields(t, { needed, targets: teamApps })}
      value={{ mesh: mesh && { rules: mesh.rules } }}
      action={save}
      testId="mesh"
      editable={editable && (mesh !== null || needed.length > 0)}
    >
      {needed.length === 0 && (
        <p className="faint" style={{ marginTop: 12 }}>
          {t('needsNothing')}
        </p>
      )}
      {mesh?.refusal && (
        <div style={{ marginTop: 14 }}>
          <Note kind="warning" title={t('refused')}>
            <span className="small">
              {mesh.refusal.kind}: {mesh.refusal.message} (<RelativeTime at={mesh.refusal.at} />)
            </span>
          </Note>
        </div>
      )}
    </RecordPanel>
  );
}
