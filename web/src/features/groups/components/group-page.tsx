'use client';

import { CloudUploadOutlined, EllipsisOutlined, PlusOutlined } from '@ant-design/icons';
import { App, Button, Dropdown, Modal } from 'antd';
import type { OperationFieldsFragment } from '@skyarc/sdk';
import Link from 'next/link';
import { useRouter, useSearchParams } from 'next/navigation';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, toError } from '../../../components/api.ts';
import { commonText } from '../../../components/common-text.ts';
import { Page } from '../../../components/page.tsx';
import { MetricsPanel } from '../../monitor/index.ts';
import { Panel } from '../../../components/panel.tsx';
import { saveFile } from '../../../components/save-file.ts';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { AppRow, isStarted, useTeamOverview } from '../../apps/index.ts';
import type { ListedApp } from '../../apps/index.ts';
import { useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import { groupText } from '../text.ts';
import { ConfigSets } from './config-sets.tsx';
import { GroupForm } from './group-form.tsx';

/** Apps that belong together: their state, note, and what is done to all of them. */
export function GroupPage(): ReactNode {
  const t = useText(groupText);
  const common = useText(commonText);
  const id = useSearchParams().get('id') ?? '';
  const { team, mayDevelop } = useTeam();
  const state = useTeamOverview();
  const [editing, setEditing] = useState(false);
  const group = state.data?.team?.groups.find((each) => each.id === id);
  const apps = state.data?.team?.apps.filter((app) => app.group.id === id) ?? [];

  if (!state.data || !group) {
    return (
      <Page title="" crumbs={[{ href: '/', label: team.displayName }]}>
        {state.data ? (
          <Empty
            title={common('notFoundTitle')}
            help={common('notFoundHelp')}
            action={<Link href="/">{common('backToOverview')}</Link>}
          />
        ) : (
          <Loaded state={state}>{() => null}</Loaded>
        )}
      </Page>
    );
  }
  return (
    <Page
      title={group.name}
      crumbs={[{ href: '/', label: team.displayName }]}
      subtitle={
        <span
          style={{ whiteSpace: 'pre-wrap', display: 'block', maxWidth: '78ch' }}
          className={group.note ? '' : 'faint'}
        >
          {group.note || t('noNote')}
        </span>
      }
      actions={mayDevelop && <GroupActions apps={apps} group={group} onEdit={() => setEditing(true)} />}
    >
      <div className="stack">
        <Panel flush title={t('apps')}>
          <Loaded state={state}>
            {() =>
              apps.length === 0 ? (
                <Empty
                  title={t('empty')}
                  help={t('emptyHelp')}
                  action={
                    <Link href={`/new?group=${id}`} tabIndex={-1}>
                      <Button type="primary">{t('newApp')}</Button>
                    </Link>
                  }
                />
              ) : (
                <ul>
                  {apps.map((app) => (
                    <AppRow key={app.id} app={app} />
                  ))}
                </ul>
              )
            }
          </Loaded>
        </Panel>
        {apps.length > 0 && <MetricsPanel key={id} subject="GROUP" id={id} />}
        <ConfigSets groupId={id} apps={apps} />
      </div>
      <Modal
        open={editing}
        title={t('edit')}
        footer={null}
        destroyOnHidden
        onCancel={() => setEditing(false)}
      >
        <GroupForm
          group={group}
          onDone={() => {
            setEditing(false);
            void state.reload();
          }}
        />
      </Modal>
    </Page>
  );
}

interface GroupActionsProps {
  readonly apps: readonly ListedApp[];
  readonly group: { readonly id: string; readonly name: string };
  readonly onEdit: () => void;
}

function GroupActions({ apps, group, onEdit }: GroupActionsProps): ReactNode {
  const t = useText(groupText);
  const router = useRouter();
  const { modal, notification } = App.useApp();
  const { details } = useTeam();
  const { add, setPanelOpen } = useOperations();

  const all = async (
    act: (groupId: string) => Promise<readonly OperationFieldsFragment[]>,
  ): Promise<void> => {
    try {
      for (const operation of await act(group.id)) add(operation);
      setPanelOpen(true);
    } catch (error) {
      notification.error({ title: t('notStarted'), description: toError(error).message });
    }
  };
  const ask = (what: 'deployAll' | 'startAll' | 'stopAll' | 'restartAll', n: number): void => {
    const { groups } = api();
    const acts = {
      deployAll: (id: string) => groups.deploy(id),
      startAll: (id: string) => groups.start(id),
      stopAll: (id: string) => groups.stop(id),
      restartAll: (id: string) => groups.restart(id),
    } as const;
    modal.confirm({
      title: t(`${what}Title`, { n }),
      content: t(`${what}Body`),
      okText: t(what),
      cancelText: t('cancel'),
      onOk: async () => await all(acts[what]),
    });
  };
  const saveTemplate = async (): Promise<void> => {
    try {
      const text = await api().imports.exportTemplate(group.id);
      saveFile(`${group.name}.yaml`, text, 'application/yaml');
    } catch (error) {
      notification.error({ title: t('notExported'), description: toError(error).message });
    }
  };
  const alive = apps.filter(isStarted);
  const askDelete = (): void => {
    modal.confirm({
      title: t('deleteTitle', { name: group.name }),
      content: t('deleteBody'),
      okText: t('delete'),
      okButtonProps: { danger: true },
      cancelText: t('cancel'),
      onOk: async () => {
        try {
          await api().teams.deleteGroup(group.id);
          await details.reload();
          router.push('/');
        } catch (error) {
          notification.error({ title: t('notDeleted'), description: toError(error).message });
        }
      },
    });
  };
  return (
    <>
      <Button
        icon={<CloudUploadOutlined />}
        disabled={apps.length === 0}
        data-testid="group-deploy-all"
        onClick={() => ask('deployAll', apps.length)}
      >
        {t('deployAll')}
      </Button>
      <Link href={`/new?group=${group.id}`} tabIndex={-1}>
        <Button type="primary" icon={<PlusOutlined />}>
          {t('newApp')}
        </Button>
      </Link>
      <Dropdown
        trigger={['click']}
        menu={{
          items: [
            {
              key: 'start',
              label: t('startAll'),
              disabled: apps.length === 0,
              onClick: () => ask('startAll', apps.length),
            },
            {
              key: 'restart',
              label: t('restartAll'),
              disabled: alive.length === 0,
              onClick: () => ask('restartAll', alive.length),
            },
            {
              key: 'stop',
              label: t('stopAll'),
              disabled: alive.length === 0,
              onClick: () => ask('stopAll', alive.length),
            },
            { key: 'edit', label: t('edit'), onClick: onEdit },
            {
              key: 'export',
              label: t('exportTemplate'),
              disabled: apps.length === 0,
              onClick: () => void saveTemplate(),
            },
            { type: 'divider' },
            { key: 'delete', label: t('delete'), danger: true, onClick: askDelete },
          ],
        }}
      >
        <Button icon={<EllipsisOutlined />} aria-label={t('more')} data-testid="group-more" />
      </Dropdown>
    </>
  );
}
