'use client';

import { Button, Modal } from 'antd';
import { QuotasDocument } from '@skyarc/sdk';
import type { QuotasQuery } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { RecordForm } from '../../../components/record-form/index.ts';
import type { FormRecord } from '../../../components/record-form/index.ts';
import { Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { quotaText } from '../text.ts';
import { QuotaBar, resources } from './quota-bar.tsx';

type Quota = QuotasQuery['quotas'][number];

/** Limits of every team in a data centre, for administrators. */
export function QuotasPanel({ dataCenter }: { readonly dataCenter: string }): ReactNode {
  const t = useText(quotaText);
  const state = useQuery(QuotasDocument, { dataCenter }, { refreshMs: 10_000 });
  const [editing, setEditing] = useState<Quota>();
  return (
    <Panel flush title={t('titleAll')} testId="quotas">
      <Loaded state={state} rows={3}>
        {(data) => (
          <DataList
            label={t('titleAll')}
            items={data.quotas}
            keyOf={({ teamName }) => teamName}
            columns={[
              { key: 'team', title: t('team'), render: ({ teamName }) => <strong>{teamName}</strong> },
              ...resources.map((resource) => ({
                key: resource,
                title: t(resource),
                render: (quota: Quota) => <QuotaBar quota={quota} resource={resource} />,
              })),
              {
                key: 'act',
                title: '',
                align: 'right',
                render: (quota) =>
                  quota.team && (
                    <Button
                      size="small"
                      data-testid={`quota-edit-${quota.teamName}`}
                      onClick={() => setEditing(quota)}
                    >
                      {t('change')}
                    </Button>
                  ),
              },
            ]}
          />
        )}
      </Loaded>
      <Modal
        open={editing !== undefined}
        title={editing?.teamName}
        footer={null}
        destroyOnHidden
        onCancel={() => setEditing(undefined)}
      >
        {editing?.team && (
          <QuotaForm
            quota={editing}
            teamId={editing.team.id}
            onDone={() => {
              setEditing(undefined);
              void state.reload();
            }}
          />
        )}
      </Modal>
    </Panel>
  );
}

interface QuotaFormProps {
  readonly quota: Quota;
  readonly teamId: string;
  readonly onDone: () => void;
}

function QuotaForm({ quota, teamId, onDone }: QuotaFormProps): ReactNode {
  const t = useText(quotaText);
  const [limits, setLimits] = useState<FormRecord>(() =>
    Object.fromEntries(resources.map((resource) => [resource, quota[resource].limit])),
  );
  const { run, busy, error } = useAction(async () => {
    await api().quotas.set({ teamId, dataCenter: quota.dataCenter.name, ...limits });
    onDone();
  });
  return (
    <div className="stack">
      <p className="soft">{t('hintAll')}</p>
      <RecordForm
        fields={[
          { kind: 'number', key: 'cpuMillis', label: t('cpuMillis'), unit: t('millis'), step: 500 },
          { kind: 'number', key: 'memoryMb', label: t('memoryMb'), unit: t('mb'), step: 512 },
          { kind: 'number', key: 'storageMb', label: t('storageMb'), unit: t('mb'), step: 1_024 },
          { kind: 'number', key: 'apps', label: t('apps') },
        ]}
        value={limits}
        disabled={busy}
        path="quota"
        onChange={setLimits}
      />
      <ErrorNote error={error} title={t('notSaved')} />
      <Button type="primary" loading={busy} data-testid="quota-save" onClick={() => void run()}>
        {t('save')}
      </Button>
    </div>
  );
}
