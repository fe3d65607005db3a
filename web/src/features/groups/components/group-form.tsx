'use client';

import { Button, Form, Input } from 'antd';
import type { CreateGroupInput, GroupFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { groupText } from '../text.ts';

export interface GroupFormProps {
  /** The group to change; without one a new one is made. */
  readonly group?: Pick<GroupFieldsFragment, 'id' | 'name' | 'note'>;
  readonly onDone: (id: string) => void;
}

/** Name and note of a group. */
export function GroupForm({ group, onDone }: GroupFormProps): ReactNode {
  const t = useText(groupText);
  const { team, details } = useTeam();
  const { run, busy, error } = useAction(async (fields: Omit<CreateGroupInput, 'teamId'>) => {
    const { id } = group
      ? await api().teams.updateGroup(group.id, fields)
      : await api().teams.createGroup({ ...fields, teamId: team.id });
    await details.reload();
    onDone(id);
  });
  return (
    <Form
      layout="vertical"
      requiredMark={false}
      initialValues={group}
      onFinish={(fields: Omit<CreateGroupInput, 'teamId'>) => void run(fields)}
    >
      <Form.Item name="name" label={t('name')} rules={[{ required: true, message: t('required') }]}>
        <Input autoFocus autoComplete="off" data-testid="group-name" />
      </Form.Item>
      <Form.Item name="note" label={t('note')} extra={t('noteHelp')}>
        <Input.TextArea autoSize={{ minRows: 3, maxRows: 10 }} />
      </Form.Item>
      <div className="stack">
        <ErrorNote error={error} title={group ? t('notSaved') : t('notCreated')} />
        <Button type="primary" htmlType="submit" block loading={busy} data-testid="group-submit">
          {group ? t('save') : t('create')}
        </Button>
      </div>
    </Form>
  );
}
