'use client';

import { PlusOutlined } from '@ant-design/icons';
import { App, Button, Modal } from 'antd';
import { TeamPluginsDocument } from '@skyarc/sdk';
import type { PluginFieldsFragment, PluginInput } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote } from '../../../components/note.tsx';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { RecordForm } from '../../../components/record-form/index.ts';
import type { Field } from '../../../components/record-form/index.ts';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { pluginText } from '../text.ts';

type Plugin = PluginFieldsFragment;

/** The team's plug-ins with their versions. */
export function PluginsPage(): ReactNode {
  const t = useText(pluginText);
  const { team, mayDevelop } = useTeam();
  const { modal } = App.useApp();
  const state = useQuery(TeamPluginsDocument, { name: team.name });
  const [editing, setEditing] = useState<Plugin | 'new'>();
  const removal = useAction(async (id: string) => {
    await api().plugins.delete(id);
    await state.reload();
  });
  const ask = ({ id, name }: Plugin): void => {
    modal.confirm({
      title: t('removeTitle', { name }),
      okText: t('remove'),
      okButtonProps: { danger: true },
      cancelText: t('cancel'),
      onOk: async () => await removal.run(id),
    });
  };
  return (
    <Page
      title={t('title')}
      subtitle={t('subtitle')}
      actions={
        mayDevelop && (
          <Button
            type="primary"
            icon={<PlusOutlined />}
            data-testid="plugin-new"
            onClick={() => setEditing('new')}
          >
            {t('create')}
          </Button>
        )
      }
    >
      <ErrorNote error={removal.error} title={t('notDone')} />
      <Panel flush>
        <Loaded state={state} rows={4}>
          {(data) =>
            (data.team?.plugins ?? []).length === 0 ? (
              <Empty title={t('none')} help={t('noneHelp')} />
            ) : (
              <DataList
                label={t('title')}
                items={data.team?.plugins ?? []}
                keyOf={({ id }) => id}
                columns={[
                  {
                    key: 'name',
                    title: t('name'),
                    render: ({ name, description }) => (
                      <>
                        <strong style={{ fontWeight: 560 }}>{name}</strong>
                        <div className="soft small">{description}</div>
                      </>
                    ),
                  },
                  { key: 'kind', title: t('kind'), width: 150, render: ({ kind }) => t(kind) },
                  {
                    key: 'version',
                    title: t('version'),
                    render: ({ versions: [newest] }) =>
                      newest && (
                        <>
                          #{newest.number} <code className="faint">{newest.image}</code>
                        </>
                      ),
                  },
                  {
                    key: 'apps',
                    title: t('usedBy'),
                    render: ({ apps }) =>
                      apps.length > 0 ? (
                        apps.map(({ name }) => name).join(', ')
                      ) : (
                        <span className="faint">{t('nobody')}</span>
                      ),
                  },
                  {
                    key: 'act',
                    title: '',
                    align: 'right',
                    width: 220,
                    render: (plugin) =>
                      mayDevelop && (
                        <span className="row" style={{ justifyContent: 'flex-end' }}>
                          <Button size="small" onClick={() => setEditing(plugin)}>
                            {t('newVersion')}
                          </Button>
                          <Button
                            size="small"
                            type="text"
                            danger
                            disabled={plugin.apps.length > 0}
                            onClick={() => ask(plugin)}
                          >
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
      </Panel>
      <Modal
        open={editing !== undefined}
        title={editing === 'new' ? t('create') : t('newVersion')}
        footer={null}
        width={720}
        destroyOnHidden
        onCancel={() => setEditing(undefined)}
      >
        {editing && (
          <PluginForm
            plugin={editing === 'new' ? null : editing}
            onDone={() => {
              setEditing(undefined);
              void state.reload();
            }}
          />
        )}
      </Modal>
    </Page>
  );
}

function PluginForm({
  plugin,
  onDone,
}: {
  readonly plugin: Plugin | null;
  readonly onDone: () => void;
}): ReactNode {
  const t = useText(pluginText);
  const { team } = useTeam();
  const [input, setInput] = useState<PluginInput>(() => inputOf(team.id, plugin));
  const { run, busy, error } = useAction(async () => {
    await api().plugins.save(input);
    onDone();
  });
  return (
    <div className="stack">
      <RecordForm
        fields={fieldsOf(t, plugin === null)}
        value={input}
        disabled={busy}
        path="plugin"
        onChange={(next) => setInput(next as unknown as PluginInput)}
      />
      <ErrorNote error={error} title={t('notDone')} />
      <Button
        type="primary"
        loading={busy}
        disabled={!input.name || !input.image}
        data-testid="plugin-save"
        onClick={() => void run()}
      >
        {t('save')}
      </Button>
    </div>
  );
}

function inputOf(teamId: string, plugin: Plugin | null): PluginInput {
  if (!plugin) {
    return {
      teamId,
      name: '',
      kind: 'SIDE_CAR',
      description: '',
      image: '',
      fields: [],
      cpuMillis: 100,
      memoryMb: 64,
    };
  }
  const { id, name, kind, description, versions, dataCenter } = plugin;
  const { image = '', command = null, fields = [], cpuMillis = 100, memoryMb = 64 } = versions[0] ?? {};
  const base = { id, teamId, dataCenter: dataCenter.name, name, kind, description };
  return { ...base, image, command: command && [...command], fields: [...fields], cpuMillis, memoryMb };
}

function fieldsOf(t: ReturnType<typeof useText<(typeof pluginText)['en']>>, isNew: boolean): Field[] {
  const kind: Field = {
    kind: 'choice',
    key: 'kind',
    label: t('kind'),
    options: (['SIDE_CAR', 'INIT'] as const).map((value) => ({ value, label: t(value) })),
  };
  return [
    ...(isNew ? [{ kind: 'text', key: 'name', label: t('name'), mono: true } as const, kind] : []),
    { kind: 'text', key: 'description', label: t('description') },
    { kind: 'text', key: 'image', label: t('image'), help: t('imageHelp'), mono: true },
    { kind: 'number', key: 'cpuMillis', label: t('cpu'), unit: t('millis'), min: 10, step: 50 },
    { kind: 'number', key: 'memoryMb', label: t('memory'), unit: t('mb'), min: 16, step: 16 },
    { kind: 'lines', key: 'command', label: t('command'), help: t('commandHelp') },
    {
      kind: 'rows',
      key: 'fields',
      label: t('fields'),
      add: t('addField'),
      empty: { name: '', description: '', defaultValue: '', secret: false },
      fields: [
        { kind: 'text', key: 'name', label: t('fieldName'), mono: true },
        { kind: 'text', key: 'description', label: t('description') },
        { kind: 'text', key: 'defaultValue', label: t('defaultValue'), mono: true },
        { kind: 'switch', key: 'secret', label: t('secret') },
      ],
    },
  ];
}
