'use client';

import { App, Button, Form, Input, Modal, Select } from 'antd';
import type { ChangePasswordInput, CreateApiTokenInput } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, toError, useAction } from '../../../components/api.ts';
import { CopyButton } from '../../../components/copy-button.tsx';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote, Note } from '../../../components/note.tsx';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { useSession } from '../../session/index.ts';
import { accountText } from '../text.ts';

/** Password and tokens of the person logged in. */
export function AccountPage(): ReactNode {
  const t = useText(accountText);
  const { viewer } = useSession();
  return (
    <Page title={viewer.user.name} subtitle={viewer.user.email}>
      <div className="stack" style={{ maxWidth: 860 }}>
        <Tokens />
        <Panel title={t('password')} hint={t('passwordHint')}>
          <Password />
        </Panel>
      </div>
    </Page>
  );
}

function Password(): ReactNode {
  const t = useText(accountText);
  const [form] = Form.useForm<ChangePasswordInput>();
  const [changed, setChanged] = useState(false);
  const { run, busy, error } = useAction(async (input: ChangePasswordInput) => {
    setChanged(false);
    await api().account.changePassword(input);
    form.resetFields();
    setChanged(true);
  });
  const required = { required: true, message: t('required') };
  return (
    <Form
      form={form}
      layout="vertical"
      requiredMark={false}
      style={{ maxWidth: 360 }}
      onFinish={(input: ChangePasswordInput) => void run(input)}
    >
      <Form.Item name="currentPassword" label={t('current')} rules={[required]}>
        <Input.Password autoComplete="current-password" />
      </Form.Item>
      <Form.Item name="newPassword" label={t('next')} rules={[required, { min: 10, message: t('short') }]}>
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <div className="stack">
        <ErrorNote error={error} title={t('notChanged')} />
        {changed && <Note kind="success">{t('changed')}</Note>}
        <div>
          <Button htmlType="submit" loading={busy}>
            {t('change')}
          </Button>
        </div>
      </div>
    </Form>
  );
}

function Tokens(): ReactNode {
  const t = useText(accountText);
  const { modal, notification } = App.useApp();
  const { viewer, reload } = useSession();
  const [form] = Form.useForm<CreateApiTokenInput>();
  const [secret, setSecret] = useState<string>();
  const { run, busy, error } = useAction(async ({ name, days }: CreateApiTokenInput) => {
    const made = await api().account.createApiToken({ name, days: days || null });
    setSecret(made.secret);
    form.resetFields();
    await reload();
  });
  const askRevoke = (id: string, name: string): void => {
    modal.confirm({
      title: t('revokeTitle', { name }),
      content: t('revokeBody'),
      okText: t('revoke'),
      okButtonProps: { danger: true },
      cancelText: t('cancel'),
      onOk: async () => {
        try {
          await api().account.revokeApiToken(id);
          await reload();
        } catch (cause) {
          notification.error({ title: t('notRevoked'), description: toError(cause).message });
        }
      },
    });
  };
  return (
    <Panel flush title={t('tokens')} hint={t('tokensHint')}>
      {viewer.apiTokens.length === 0 ? (
        <p className="soft" style={{ padding: '14px 16px' }}>
          {t('noTokens')}
        </p>
      ) : (
        <DataList
          label={t('tokens')}
          items={viewer.apiTokens}
          keyOf={({ id }) => id}
          columns={[
            {
              key: 'name',
              title: t('name'),
              render: ({ name }) => <strong style={{ fontWeight: 560 }}>{name}</strong>,
            },
            {
              key: 'created',
              title: t('created'),
              render: ({ createdAt }) => <RelativeTime at={createdAt} />,
            },
            {
              key: 'used',
              title: t('lastUsed'),
              render: ({ lastUsedAt }) => (lastUsedAt ? <RelativeTime at={lastUsedAt} /> : t('never')),
            },
            {
              key: 'ends',
              title: t('expires'),
              render: ({ expiresAt }) => (expiresAt ? <RelativeTime at={expiresAt} /> : t('never')),
            },
            {
              key: 'revoke',
              title: '',
              align: 'right',
              render: ({ id, name }) => (
                <Button size="small" type="text" danger onClick={() => askRevoke(id, name)}>
                  {t('revoke')}
                </Button>
              ),
            },
          ]}
        />
      )}
      <div style={{ padding: 16, borderTop: '1px solid var(--line)' }}>
        <Form
          form={form}
          layout="inline"
          initialValues={{ days: 90 }}
          style={{ rowGap: 12 }}
          onFinish={(input: CreateApiTokenInput) => void run(input)}
        >
          <Form.Item
            name="name"
            rules={[{ required: true, message: t('required') }]}
            style={{ flex: '1 1 200px' }}
          >
            <Input
              placeholder={t('tokenName')}
              aria-label={t('tokenName')}
              autoComplete="off"
              data-testid="token-name"
            />
          </Form.Item>
          <Form.Item name="days" label={t('days')}>
            <Select
              style={{ width: 110 }}
              aria-label={t('days')}
              options={[
                { value: 30, label: t('days30') },
                { value: 90, label: t('days90') },
                { value: 365, label: t('days365') },
                { value: 0, label: t('daysNever') },
              ]}
            />
          </Form.Item>
          <Button htmlType="submit" type="primary" loading={busy} data-testid="token-submit">
            {t('create')}
          </Button>
        </Form>
        <ErrorNote error={error} title={t('notCreated')} />
      </div>
      <Modal
        open={secret !== undefined}
        title={t('secretTitle')}
        closable={false}
        mask={{ closable: false }}
        keyboard={false}
        footer={
          <Button type="primary" onClick={() => setSecret(undefined)} data-testid="token-kept">
            {t('kept')}
          </Button>
        }
      >
        <div className="stack">
          <p>{t('secretHelp')}</p>
          <div className="row" style={{ padding: 10, borderRadius: 8, background: 'var(--sunken)' }}>
            <code className="grow" style={{ overflowWrap: 'anywhere' }} data-testid="token-secret">
              {secret}
            </code>
            <CopyButton text={secret ?? ''} />
          </div>
        </div>
      </Modal>
    </Panel>
  );
}
