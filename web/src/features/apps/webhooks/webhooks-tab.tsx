'use client';

import { Button, Modal, Popconfirm, Tag } from 'antd';
import { AppWebhooksDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, AppWebhooksQuery, SaveWebhookMutation } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { CopyButton } from '../../../components/copy-button.tsx';
import { ErrorNote, Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import styles from '../components/apps.module.css';
import { Deliveries } from './deliveries.tsx';
import { webhookText } from './text.ts';
import { WebhookForm } from './webhook-form.tsx';

export type Webhook = NonNullable<AppWebhooksQuery['app']>['webhooks'][number];
type Saved = SaveWebhookMutation['saveWebhook'];

/** Addresses that deploy the app, what they were sent, and what became of it. */
export function WebhooksTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(webhookText);
  const { mayDevelop } = useTeam();
  const state = useQuery(AppWebhooksDocument, { id: app.id, first: 20 }, { refreshMs: 3_000 });
  const [editing, setEditing] = useState<Webhook | 'new'>();
  const [fresh, setFresh] = useState<Saved>();
  const onSaved = (saved: Saved): void => {
    setEditing(undefined);
    if (saved.secret) setFresh(saved);
    void state.reload();
  };
  return (
    <div className="stack">
      <div className="row">
        <p className="soft grow">{(state.data?.app?.webhooks ?? []).length > 0 && t('noneHelp')}</p>
        {mayDevelop && (
          <Button type="primary" onClick={() => setEditing('new')} data-testid="webhook-add">
            {t('add')}
          </Button>
        )}
      </div>
      <Loaded state={state} rows={4}>
        {(data) =>
          (data.app?.webhooks ?? []).length === 0 ? (
            <Panel>
              <Empty title={t('none')} help={t('noneHelp')} />
            </Panel>
          ) : (
            data.app?.webhooks.map((webhook) => (
              <WebhookPanel
                key={webhook.id}
                webhook={webhook}
                mayChange={mayDevelop}
                onEdit={() => setEditing(webhook)}
                onRotated={onSaved}
                onRemoved={() => void state.reload()}
              />
            ))
          )
        }
      </Loaded>
      <Modal
        open={editing !== undefined}
        title={editing === 'new' ? t('add') : t('edit')}
        footer={null}
        destroyOnHidden
        onCancel={() => setEditing(undefined)}
      >
        {editing && (
          <WebhookForm app={app} webhook={editing === 'new' ? undefined : editing} onSaved={onSaved} />
        )}
      </Modal>
      <Modal
        open={fresh !== undefined}
        title={fresh?.webhook.name}
        cancelButtonProps={{ style: { display: 'none' } }}
        okText={t('done')}
        onOk={() => setFresh(undefined)}
        onCancel={() => setFresh(undefined)}
        destroyOnHidden
      >
        {fresh && <FreshSecret saved={fresh} />}
      </Modal>
    </div>
  );
}

const addressOf = ({ path }: Pick<Webhook, 'path'>): string => `${location.origin}${path}`;

/** What has to be told to the sender, now or never. */
function FreshSecret({ saved: { webhook, secret } }: { readonly saved: Saved }): ReactNode {
  const t = useText(webhookText);
  const address = webhook.kind === 'IMAGE' ? `${addressOf(webhook)}?token=${secret}` : addressOf(webhook);
  return (
    <div className="stack">
      <Note kind="warning">{t('secretOnce')}</Note>
      <p className="soft small">{t(`setUp${webhook.kind}`)}</p>
      {(
        [
          ['address', address],
          ['secret', secret ?? ''],
        ] as const
      ).map(([label, text]) => (
        <div key={label}>
          <div className="soft small" style={{ marginBottom: 4 }}>
            {t(label)}
          </div>
          <div className={styles['key']}>
            <code className="grow" data-testid={`webhook-${label}`}>
              {text}
            </code>
            <CopyButton text={text} />
          </div>
        </div>
      ))}
    </div>
  );
}

interface WebhookPanelProps {
  readonly webhook: Webhook;
  readonly mayChange: boolean;
  readonly onEdit: () => void;
  readonly onRotated: (saved: Saved) => void;
  readonly onRemoved: () => void;
}

function WebhookPanel({ webhook, mayChange, onEdit, onRotated, onRemoved }: WebhookPanelProps): ReactNode {
  const t = useText(webhookText);
  const rotate = useAction(async () => onRotated(await api().webhooks.rotateSecret(webhook.id)));
  const remove = useAction(async () => {
    await api().webhooks.delete(webhook.id);
    onRemoved();
  });
  const filters = [...webhook.branches, ...webhook.paths];
  return (
    <Panel
      title={webhook.name}
      hint={`${t(webhook.kind)}${webhook.enabled ? '' : ` · ${t('off')}`}`}
      testId={`webhook-${webhook.name}`}
      actions={
        mayChange && (
          <div className="row">
            <Button size="small" onClick={onEdit}>
              {t('edit')}
            </Button>
            <Popconfirm title={t('rotateAsk')} onConfirm={() => void rotate.run()}>
              <Button size="small" loading={rotate.busy}>
                {t('rotate')}
              </Button>
            </Popconfirm>
            <Popconfirm title={t('removeAsk')} onConfirm={() => void remove.run()}>
              <Button size="small" danger loading={remove.busy}>
                {t('remove')}
              </Button>
            </Popconfirm>
          </div>
        )
      }
    >
      <div className="stack" style={{ gap: 12 }}>
        <div className={styles['key']}>
          <code className="grow">{addressOf(webhook)}</code>
          <CopyButton text={addressOf(webhook)} />
        </div>
        {filters.length > 0 && (
          <div>
            {filters.map((filter) => (
              <Tag key={filter} className="mono">
                {filter}
              </Tag>
            ))}
          </div>
        )}
        <ErrorNote error={rotate.error ?? remove.error} title={t('notSaved')} />
        <Deliveries deliveries={webhook.deliveries} />
      </div>
    </Panel>
  );
}
