import { Button, Input, Modal } from 'antd';
import type { AppFieldsFragment } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { settingsText } from '../settings-text.ts';

/** The end of an app, after its name was typed. */
export function DeleteApp({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { add } = useOperations();
  const [asking, setAsking] = useState(false);
  const [typed, setTyped] = useState('');
  const { run, busy, error } = useAction(async () => {
    add(await api().apps.delete(app.id));
    setAsking(false);
  });
  return (
    <Panel danger title={t('danger')}>
      <div className="row wrap">
        <p className="grow soft">{t('dangerHelp')}</p>
        <Button danger onClick={() => setAsking(true)} data-testid="delete-app">
          {t('delete')}
        </Button>
      </div>
      <Modal
        open={asking}
        title={t('deleteTitle', { name: app.name })}
        okText={t('delete')}
        cancelText={t('cancel')}
        okButtonProps={{
          danger: true,
          disabled: typed !== app.name,
          loading: busy,
          'data-testid': 'delete-confirm',
        }}
        onOk={() => void run()}
        onCancel={() => {
          setAsking(false);
          setTyped('');
        }}
        destroyOnHidden
      >
        <div className="stack">
          <p>{t('dangerHelp')}</p>
          <label>
            <span className="soft" style={{ display: 'block', marginBottom: 6 }}>
              {t('deleteType', { name: app.name })}
            </span>
            <Input
              autoFocus
              className="mono"
              value={typed}
              autoComplete="off"
              data-testid="delete-name"
              onChange={({ target }) => setTyped(target.value)}
              onPressEnter={() => typed === app.name && void run()}
            />
          </label>
          <ErrorNote error={error} title={t('notDeleted')} />
        </div>
      </Modal>
    </Panel>
  );
}
