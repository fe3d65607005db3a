'use client';

import { Button, Form, Input } from 'antd';
import type { LoginInput } from '@skyarc/sdk';
import { useRouter, useSearchParams } from 'next/navigation';
import type { ReactNode } from 'react';
import { api, forgetAnswers, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { useText } from '../../../components/use-text.ts';
import { sessionText } from '../text.ts';
import { Welcome } from './welcome.tsx';

// Only a path of this console: an address from elsewhere must not lead away after a login.
function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) ? next : '/';
}

export function LoginPage(): ReactNode {
  const t = useText(sessionText);
  const router = useRouter();
  const search = useSearchParams();
  const { run, busy, error } = useAction(async (input: LoginInput) => {
    await api().account.login(input);
    forgetAnswers();
    router.replace(safeNext(search.get('next')));
  });
  return (
    <Welcome title={t('loginTitle')} help={t('loginHelp')}>
      <Form layout="vertical" requiredMark={false} onFinish={(input: LoginInput) => void run(input)}>
        <Form.Item name="email" label={t('email')} rules={[{ required: true, message: t('required') }]}>
          <Input type="email" autoComplete="username" autoFocus size="large" data-testid="login-email" />
        </Form.Item>
        <Form.Item name="password" label={t('password')} rules={[{ required: true, message: t('required') }]}>
          <Input.Password autoComplete="current-password" size="large" data-testid="login-password" />
        </Form.Item>
        <div className="stack">
          <ErrorNote error={error} title={t('loginFailed')} />
          <Button
            type="primary"
            htmlType="submit"
            size="large"
            block
            loading={busy}
            data-testid="login-submit"
          >
            {t('loginSubmit')}
          </Button>
        </div>
      </Form>
    </Welcome>
  );
}
