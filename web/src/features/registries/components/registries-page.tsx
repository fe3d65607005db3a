'use client';

import { Button, Modal, Popconfirm } from 'antd';
import { TeamRegistryCredentialsDocument } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { RecordForm } from '../../../components/record-form/index.ts';
import type { FormRecord } from '../../../components/record-form/index.ts';
import { Empty, Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { registryText } from '../text.ts';
import { PasswordField } from './password-field.tsx';

/** Registries that the team has credentials for; passwords are written only. */
export function RegistriesPage(): ReactNode {
  const t = useText(registryText);
  const { team, mayDevelop } = useTeam();
  const state = useQuery(TeamRegistryCredentialsDocument, mayDevelop ? { name: team.name } : null);
  const [editing, setEditing] = useState<{ host: string; username: string }>();
  const remove = useAction(async (id: string) => {
    await api().sources.deleteRegistry(id);
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
        <Button
          type="primary"
          data-testid="registry-add"
          onClick={() => setEditing({ host: '', username: '' })}
        >
          {t('add')}
        </Button>
      }
    >
      <ErrorNote error={remove.error} title={t('notSaved')} />
      <Panel flush>
        <Loaded state={state} rows={3}>
          {(data) => {
            const registries = data.team?.registryCredentials ?? [];
            if (registries.length === 0) return <Empty title={t('none')} help={t('noneHelp')} />;
            return registries.map(({ id, host, username, createdAt }) => (
              <div
                key={id}
                className="row wrap"
                style={{ padding: '12px 16px', borderBottom: '1px solid var(--line)' }}
                data-testid={`registry-${host}`}
              >
                <div className="grow">
                  <strong className="mono">{host}</strong>{' '}
                  <span className="soft">
                    {username} · {t('since')} <RelativeTime at={createdAt} />
                  </span>
                </div>
                <Button size="small" onClick={() => setEditing({ host, username })}>
                  {t('replace')}
                </Button>
                <Popconfirm title={t('removeAsk')} onConfirm={() => void remove.run(id)}>
                  <Button size="small" danger>
                    {t('remove')}
                  </Button>
                </Popconfirm>
              </div>
            ));
          }}
        </Loaded>
      </Panel>
      <Modal
        open={editing !== undefined}
        title={editing?.host || t('add')}
        footer={null}
        destroyOnHidden
        onCancel={() => setEditing(undefined)}
      >
        {editing && (
          <RegistryForm
            initial={editing}
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

function RegistryForm({
  initial,
  onSaved,
}: {
  readonly initial: { readonly host: string; readonly username: string };
  readonly onSaved: () => void;
}): ReactNode {
  const t = useText(registryText);
  const { team } = useTeam();
  const [value, setValue] = useState<FormRecord>(initial);
  const [password, setPassword] = useState('');
  const host = (value['host'] as string | null) ?? '';
  const username = (value['username'] as string | null) ?? '';
  const save = useAction(async () => {
    await api().sources.saveRegistry({ teamId: team.id, host: host.trim(), username, password });
    onSaved();
  });
  return (
    <div className="stack">
      <RecordForm
        path="registry"
        value={value}
        disabled={save.busy}
        onChange={setValue}
        fields={[
          ...(initial.host === ''
            ? [
                {
                  kind: 'text',
                  key: 'host',
                  label: t('host'),
                  help: t('hostHelp'),
                  placeholder: 'registry.example.com:5000',
                  mono: true,
                } as const,
              ]
            : []),
          { kind: 'text', key: 'username', label: t('username') },
        ]}
      />
      <PasswordField label={t('password')} value={password} onChange={setPassword} />
      <ErrorNote error={save.error} title={t('notSaved')} />
      <Button
        type="primary"
        loading={save.busy}
        disabled={!host || !username || !password}
        data-testid="registry-save"
        onClick={() => void save.run()}
      >
        {t('save')}
      </Button>
    </div>
  );
}
