'use client';

import { type LogOutputFieldsFragment, LogOutputsDocument } from '@skyarc/sdk';
import { Button, Modal, Popconfirm } from 'antd';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { logOutputText } from '../text.ts';
import { LogOutputForm } from './log-output-form.tsx';

/** Where lines of the team's apps go besides the event log; secrets are written only. */
export function LogOutputsPage(): ReactNode {
  const t = useText(logOutputText);
  const { team, mayDevelop } = useTeam();
  const state = useQuery(LogOutputsDocument, mayDevelop ? { teamId: team.id } : null);
  const [editing, setEditing] = useState<LogOutputFieldsFragment | 'new'>();
  const remove = useAction(async (id: string) => {
    await api().logs.deleteOutput(id, team.id);
    await state.reload();
  });
  if (!mayDevelop) {
    return (
      <Page title={t('title')}>
        <Empty title={t('notForViewers')} />
      </Page>
    );
  }
  return (
    <Page
      title={t('title')}
      subtitle={t('subtitle')}
      actions={
        <Button type="primary" data-testid="log-output-add" onClick={() => setEditing('new')}>
          {t('add')}
        </Button>
      }
    >
      <ErrorNote error={remove.error} title={t('notSaved')} />
      <Panel flush>
        <Loaded state={state} rows={3}>
          {({ logOutputs }) =>
            logOutputs.length === 0 ? (
              <Empty title={t('none')} help={t('noneHelp')} />
            ) : (
              logOutputs.map((output) => (
                <div
                  key={output.id}
                  className="row wrap"
                  style={{ padding: '12px 16px', borderBottom: '1px solid var(--line)' }}
                  data-testid={`log-output-${output.name}`}
                >
                  <div className="grow" style={{ flexBasis: 220 }}>
                    <strong>{output.name}</strong> <span className="soft">{output.kind}</span>{' '}
                    <span className="mono soft" style={{ overflowWrap: 'anywhere' }}>
                      {output.kind === 'SYSLOG' ? `${output.host}:${output.port}` : output.url}
                    </span>
                    <div className="soft small">
                      {!output.enabled && t('off')}
                      {output.enabled &&
                        (output.lastError ?? (output.lastSentAt ? t('sent') : t('never')))}{' '}
                      {output.enabled && !output.lastError && output.lastSentAt && (
                        <RelativeTime at={output.lastSentAt} />
                      )}
                    </div>
                  </div>
                  <Button size="small" onClick={() => setEditing(output)}>
                    {t('edit')}
                  </Button>
                  <Popconfirm title={t('removeAsk')} onConfirm={() => void remove.run(output.id)}>
                    <Button size="small" danger>
                      {t('remove')}
                    </Button>
                  </Popconfirm>
                </div>
              ))
            )
          }
        </Loaded>
      </Panel>
      <Modal
        open={editing !== undefined}
        title={editing === 'new' ? t('add') : editing?.name}
        footer={null}
        destroyOnHidden
        onCancel={() => setEditing(undefined)}
      >
        {editing && (
          <LogOutputForm
            output={editing === 'new' ? undefined : editing}
            onSaved={() => {
              setEditing(undefined);
              void state.reload();
            }}
          />
        )}
      </Modal>
    </Page>
  );
}
