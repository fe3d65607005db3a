'use client';

import { PlusOutlined } from '@ant-design/icons';
import { App, Button, Modal } from 'antd';
import { TeamPluginsDocument } from '@skyarc/sdk';
import type { PluginFieldsFragment } from '@skyarc/sdk';
import Link from 'next/link';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote } from '../../../components/note.tsx';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { pluginText } from '../text.ts';
import { isAppImage, PluginForm } from './plugin-form.tsx';

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
                          #{newest.number} <ImageName version={newest} />
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

/** An image reference; of an app's current version the app's name. */
function ImageName({ version: { image, app } }: { readonly version: Plugin['versions'][number] }): ReactNode {
  const t = useText(pluginText);
  if (app) return <Link href={`/app?id=${app.id}`}>{t('imageOf', { name: app.name })}</Link>;
  return isAppImage(image) ? (
    <span className="faint">{t('goneApp')}</span>
  ) : (
    <code className="faint">{image}</code>
  );
}
