'use client';

import { PlusOutlined } from '@ant-design/icons';
import { App, Button, Modal } from 'antd';
import { GroupConfigSetsDocument } from '@skyarc/sdk';
import type { ConfigSetFieldsFragment, ConfigSetInput } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { RecordForm } from '../../../components/record-form/index.ts';
import type { Option } from '../../../components/record-form/index.ts';
import { Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import { groupText } from '../text.ts';

type ConfigSet = ConfigSetFieldsFragment;

interface ConfigSetsProps {
  readonly groupId: string;
  /** The group's apps. */
  readonly apps: readonly { readonly id: string; readonly name: string }[];
}

/** Variables that several apps of the group share. */
export function ConfigSets({ groupId, apps }: ConfigSetsProps): ReactNode {
  const t = useText(groupText);
  const { mayDevelop } = useTeam();
  const { modal } = App.useApp();
  const { add } = useOperations();
  const state = useQuery(GroupConfigSetsDocument, { id: groupId });
  const [editing, setEditing] = useState<ConfigSet | 'new'>();
  const removal = useAction(async (id: string) => {
    for (const operation of await api().configSets.delete(id)) add(operation);
    await state.reload();
  });
  const ask = ({ id, name }: ConfigSet): void => {
    modal.confirm({
      title: t('deleteSetTitle', { name }),
      content: t('setDeleteBody'),
      okText: t('deleteSet'),
      okButtonProps: { danger: true },
      cancelText: t('cancel'),
      onOk: async () => await removal.run(id),
    });
  };
  const sets = state.data?.group?.configSets ?? [];
  return (
    <Panel
      flush
      title={t('configSets')}
      hint={t('configSetsHint')}
      testId="config-sets"
      actions={
        mayDevelop && (
          <Button icon={<PlusOutlined />} data-testid="config-set-new" onClick={() => setEditing('new')}>
            {t('newSet')}
          </Button>
        )
      }
    >
      <ErrorNote error={removal.error} title={t('notDeleted')} />
      <Loaded state={state} rows={2}>
        {() =>
          sets.length === 0 ? (
            <p className="faint" style={{ padding: '12px 16px' }}>
              {t('noSets')}
            </p>
          ) : (
            <DataList
              label={t('configSets')}
              items={sets}
              keyOf={({ id }) => id}
              columns={[
                {
                  key: 'name',
                  title: t('name'),
                  render: ({ name, enabled }) => (
                    <>
                      <strong style={{ fontWeight: 560 }}>{name}</strong>
                      {!enabled && <span className="faint small"> {t('off')}</span>}
                    </>
                  ),
                },
                {
                  key: 'entries',
                  title: t('variables'),
                  render: ({ entries }) => <code>{entries.map(({ name }) => name).join(' ')}</code>,
                },
                {
                  key: 'apps',
                  title: t('readBy'),
                  render: (set) => set.apps.map(({ name }) => name).join(', '),
                },
                {
                  key: 'act',
                  title: '',
                  align: 'right',
                  width: 170,
                  render: (set) =>
                    mayDevelop && (
                      <span className="row" style={{ justifyContent: 'flex-end' }}>
                        <Button size="small" onClick={() => setEditing(set)}>
                          {t('editSet')}
                        </Button>
                        <Button size="small" type="text" danger onClick={() => ask(set)}>
                          {t('deleteSet')}
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
        title={editing === 'new' ? t('newSet') : editing?.name}
        footer={null}
        width={680}
        destroyOnHidden
        onCancel={() => setEditing(undefined)}
      >
        {editing && (
          <ConfigSetForm
            input={inputOf(groupId, editing === 'new' ? null : editing)}
            apps={apps.map(({ id, name }) => ({ value: id, label: name }))}
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

function inputOf(groupId: string, set: ConfigSet | null): ConfigSetInput {
  if (!set) return { groupId, name: '', enabled: true, entries: [], appIds: [] };
  const { id, name, enabled, entries, apps } = set;
  const plain = entries.map(({ name: variable, value, secret }) => ({ name: variable, value, secret }));
  return { id, groupId, name, enabled, entries: plain, appIds: apps.map((app) => app.id) };
}

interface ConfigSetFormProps {
  readonly input: ConfigSetInput;
  readonly apps: readonly Option[];
  readonly onDone: () => void;
}

function ConfigSetForm({ input, apps, onDone }: ConfigSetFormProps): ReactNode {
  const t = useText(groupText);
  const { add } = useOperations();
  const [edited, setEdited] = useState(input);
  const { run, busy, error } = useAction(async () => {
    const { operations } = await api().configSets.save(edited);
    for (const operation of operations) add(operation);
    onDone();
  });
  return (
    <div className="stack">
      <RecordForm
        fields={[
          { kind: 'text', key: 'name', label: t('name') },
          { kind: 'switch', key: 'enabled', label: t('on') },
          { kind: 'words', key: 'appIds', label: t('readBy'), options: apps },
          {
            kind: 'rows',
            key: 'entries',
            label: t('variables'),
            add: t('addVariable'),
            empty: { name: '', value: '', secret: false },
            fields: [
              { kind: 'text', key: 'name', label: t('name'), mono: true },
              { kind: 'text', key: 'value', label: t('value'), mono: true },
              { kind: 'switch', key: 'secret', label: t('secret') },
            ],
          },
        ]}
        value={edited}
        disabled={busy}
        path="config-set"
        onChange={(next) => setEdited(next as unknown as ConfigSetInput)}
      />
      <ErrorNote error={error} title={t('notSaved')} />
      <Button
        type="primary"
        loading={busy}
        disabled={!edited.name}
        data-testid="config-set-save"
        onClick={() => void run()}
      >
        {t('save')}
      </Button>
    </div>
  );
}
