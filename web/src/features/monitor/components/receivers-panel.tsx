'use client';

import { App, Button, Modal } from 'antd';
import { AlertReceiversDocument } from '@skyarc/sdk';
import type { AlertReceiverFieldsFragment } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { monitorText } from '../text.ts';
import type { AlertPanelProps } from './firing-panel.tsx';
import { ReceiverForm } from './receiver-form.tsx';

type Receiver = AlertReceiverFieldsFragment;

/** Who is told of alerts. */
export function ReceiversPanel({ teamId, mayChange }: AlertPanelProps): ReactNode {
  const t = useText(monitorText);
  const { message } = App.useApp();
  const state = useQuery(AlertReceiversDocument, { teamId }, { refreshMs: 10_000 });
  const [editing, setEditing] = useState<Receiver | 'new'>();
  const place = teamId === null ? {} : { teamId };
  const test = useAction(async (id: string) => {
    await api().monitor.testReceiver(id, place);
    void message.success(t('testSent'));
    await state.reload();
  });
  const remove = useAction(async (id: string) => {
    await api().monitor.deleteReceiver(id, place);
    await state.reload();
  });
  return (
    <Panel
      flush
      title={t('receivers')}
      hint={t('receiversHint')}
      testId="receivers"
      actions={
        mayChange && (
          <Button size="small" data-testid="receiver-new" onClick={() => setEditing('new')}>
            {t('newReceiver')}
          </Button>
        )
      }
    >
      <ErrorNote error={test.error ?? remove.error} title={t('notDone')} />
      <Loaded state={state} rows={2}>
        {({ alertReceivers }) =>
          alertReceivers.length === 0 ? (
            <p className="soft" style={{ padding: 16 }}>
              {t('noReceivers')}
            </p>
          ) : (
            <DataList
              label={t('receivers')}
              items={alertReceivers}
              keyOf={({ id }) => id}
              columns={[
                {
                  key: 'name',
                  title: t('name'),
                  render: ({ name, kind, mail }) => (
                    <>
                      <strong>{name}</strong>
                      <div className="faint small" style={{ overflowWrap: 'anywhere' }}>
                        {mail ? `${t(kind)}: ${mail.to.join(', ')}` : t(kind)}
                      </div>
                    </>
                  ),
                },
                { key: 'from', title: t('minSeverity'), render: ({ minSeverity }) => t(minSeverity) },
                {
                  key: 'sent',
                  title: t('lastSent'),
                  render: ({ lastSentAt, lastError }) => (
                    <>
                      {lastSentAt ? (
                        <RelativeTime at={lastSentAt} />
                      ) : (
                        <span className="faint">{t('never')}</span>
                      )}
                      {lastError && (
                        <div className="small" style={{ color: 'var(--red)' }}>
                          {lastError}
                        </div>
                      )}
                    </>
                  ),
                },
                {
                  key: 'act',
                  title: '',
                  align: 'right',
                  render: (one: Receiver) =>
                    mayChange && (
                      <span className="row wrap" style={{ justifyContent: 'flex-end' }}>
                        <Button size="small" loading={test.busy} onClick={() => void test.run(one.id)}>
                          {t('test')}
                        </Button>
                        <Button size="small" onClick={() => setEditing(one)}>
                          {t('change')}
                        </Button>
                        <Button size="small" danger onClick={() => void remove.run(one.id)}>
                          {t('remove')}
                        </Button>
                      </span>
                    ),
                },
              ]}
            />
          )
        }
      </Loaded>
      <Modal
        open={editing !== undefined}
        title={editing === 'new' ? t('newReceiver') : editing?.name}
        footer={null}
        destroyOnHidden
        onCancel={() => setEditing(undefined)}
      >
        {editing && (
          <ReceiverForm
            teamId={teamId}
            receiver={editing === 'new' ? null : editing}
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
