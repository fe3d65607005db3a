'use client';

import { Button, Form, Input } from 'antd';
import type { CreateTeamInput } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { useText } from '../../../components/use-text.ts';
import { useSession } from '../../session/index.ts';
import { teamText } from '../text.ts';

/** Begins a team; the person becomes its owner. */
export function NewTeamForm({ onCreated }: { readonly onCreated?: (name: string) => void }): ReactNode {
  const t = useText(teamText);
  const { reload } = useSession();
  const { run, busy, error } = useAction(async (input: CreateTeamInput) => {
    const team = await api().teams.create(input);
    await reload();
    onCreated?.(team.name);
  });
  return (
    <Form layout="vertical" requiredMark={false} onFinish={(input: CreateTeamInput) => void run(input)}>
      <Form.Item
        name="name"
        label={t('teamName')}
        extra={t('teamNameHelp')}
        rules={[{ required: true, pattern: /^[a-z]([a-z0-9-]*[a-z0-9])?$/, message: t('teamNameInvalid') }]}
      >
        <Input autoFocus autoComplete="off" data-testid="team-name" />
      </Form.Item>
      <Form.Item name="displayName" label={t('displayName')}>
        <Input autoComplete="off" />
      </Form.Item>
      <div className="stack">
        <ErrorNote error={error} title={t('notCreated')} />
        <Button type="primary" htmlType="submit" loading={busy} block data-testid="team-submit">
          {t('createTeam')}
        </Button>
      </div>
    </Form>
  );
}
