'use client';

import { Button, Form, Input } from 'antd';
import type { ClaimInput } from '@skyarc/sdk';
import { useRouter, useSearchParams } from 'next/navigation';
import { useEffect } from 'react';
import type { ReactNode } from 'react';
import { api, forgetAnswers, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { useText } from '../../../components/use-text.ts';
import { sessionText } from '../text.ts';
import { Welcome } from './welcome.tsx';

export function ClaimPage(): ReactNode {
  const t = useText(sessionText);
  const router = useRouter();
  const given = useSearchParams().get('token');
  const [form] = Form.useForm<ClaimInput>();
  const { run, busy, error } = useAction(async (input: ClaimInput) => {
    await api().account.claim({ ...input, token: given ?? input.token });
    forgetAnswers();
    router.replace('/');
  });

  useEffect(() => {
    void api()
      .account.installation()
      .then(({ claimed }) => claimed && router.replace('/'))
      .catch(() => undefined);
  }, [router]);

  const required = { required: true, message: t('required') };
  return (
    <Welcome title={t('claimTitle')} help={t('claimHelp')}>
      <Form
        form={form}
        layout="vertical"
        requiredMark={false}
        initialValues={{ teamName: 'main' }}
        onFinish={(input: ClaimInput) => void run(input)}
      >
        {!given && (
          <Form.Item name="token" label={t('claimToken')} extra={t('claimTokenHelp')} rules={[required]}>
            <Input autoComplete="off" className="mono" data-testid="claim-token" />
          </Form.Item>
        )}
        <Form.Item name="name" label={t('name')} rules={[required]}>
          <Input autoComplete="name" autoFocus data-testid="claim-name" />
        </Form.Item>
        <Form.Item
          name="email"
          label={t('email')}
          rules={[required, { type: 'email', message: t('emailInvalid') }]}
        >
          <Input type="email" autoComplete="username" data-testid="claim-email" />
        </Form.Item>
        <Form.Item
          name="password"
          label={t('password')}
          extra={t('passwordHelp')}
          rules={[required, { min: 10, message: t('passwordShort') }]}
        >
          <Input.Password autoComplete="new-password" data-testid="claim-password" />
        </Form.Item>
        <Form.Item
          name="teamName"
          label={t('teamName')}
          extra={t('teamNameHelp')}
          rules={[required, { pattern: /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, message: t('teamInvalid') }]}
        >
          <Input autoComplete="off" data-testid="claim-team" />
        </Form.Item>
        <div className="stack">
          <ErrorNote error={error} title={t('claimFailed')} />
          <Button
            type="primary"
            htmlType="submit"
            size="large"
            block
            loading={busy}
            data-testid="claim-submit"
          >
            {t('claimSubmit')}
          </Button>
        </div>
      </Form>
    </Welcome>
  );
}
