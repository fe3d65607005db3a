'use client';

import { CaretRightOutlined, CloudUploadOutlined, EllipsisOutlined } from '@ant-design/icons';
import { App, Button, Dropdown } from 'antd';
import type { AppFieldsFragment, OperationFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { commonText } from '../../../components/common-text.ts';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import { isStarted } from '../is-started.ts';
import { appText } from '../text.ts';

/** Deploy, start, restart, stop. Failures are shown by the message of the API. */
export function AppActions({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(appText);
  const common = useText(commonText);
  const { modal, notification } = App.useApp();
  const { mayDevelop } = useTeam();
  const { add } = useOperations();
  const { run, busy } = useAction(async (act: () => Promise<OperationFieldsFragment>) => {
    try {
      add(await act());
    } catch (error) {
      notification.error({ title: t('didNotDo'), description: error instanceof Error ? error.message : '' });
      throw error;
    }
  });
  if (!mayDevelop) return null;
  const { id } = app;
  const stopped = app.state === 'STOPPED';
  const startable = stopped && app.currentVersion !== null;
  const askStop = (): void => {
    modal.confirm({
      title: t('stopTitle', { name: app.displayName || app.name }),
      content: t('stopBody'),
      okText: t('stop'),
      okButtonProps: { 'data-testid': 'stop-confirm' },
      cancelText: common('cancel'),
      onOk: async () => await run(async () => await api().apps.stop(id)),
    });
  };
  return (
    <>
      {startable && (
        <Button
          icon={<CaretRightOutlined />}
          disabled={busy}
          data-testid="start-button"
          onClick={() => void run(async () => await api().apps.start(id))}
        >
          {t('start')}
        </Button>
      )}
      <Button
        type="primary"
        icon={<CloudUploadOutlined />}
        loading={busy}
        data-testid="deploy-button"
        onClick={() => void run(async () => await api().apps.deploy(id))}
      >
        {t('deploy')}
      </Button>
      <Dropdown
        trigger={['click']}
        menu={{
          items: [
            {
              key: 'restart',
              label: t('restart'),
              disabled: !isStarted(app),
              onClick: () => void run(async () => await api().apps.restart(id)),
            },
            { key: 'stop', label: t('stop'), disabled: !isStarted(app), onClick: askStop },
          ],
        }}
      >
        <Button icon={<EllipsisOutlined />} aria-label={t('more')} data-testid="more-actions" />
      </Dropdown>
    </>
  );
}
