'use client';

import { App, Button, Form, Input, Modal, Select, Switch } from 'antd';
import type { CreateUserInput, TeamQuery, TeamRole } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { commonText } from '../../../components/common-text.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote, Note } from '../../../components/note.tsx';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { QuotaPanel } from '../../quotas/index.ts';
import { useSession } from '../../session/index.ts';
import { useTeam } from '../hooks/use-team.tsx';
import { teamText } from '../text.ts';

type Member = NonNullable<TeamQuery['team']>['members'][number];

const roles: readonly TeamRole[] = ['OWNER', 'DEVELOPER', 'VIEWER'];

/** Members of the team and their roles. */
export function MembersPage(): ReactNode {
  const t = useText(teamText);
  const { viewer } = useSession();
  const { team, details, mayManage } = useTeam();
  const [creating, setCreating] = useState(false);
  return (
    <Page
      title={t('members')}
      subtitle={t('membersOf', { team: team.displayName })}
      actions={viewer.user.admin && <Button onClick={() => setCreating(true)}>{t('createUser')}</Button>}
    >
      <div className="stack">
        <Panel flush>
          <Loaded state={details}>{(data) => <MemberList members={data.team?.members ?? []} />}</Loaded>
        </Panel>
        {mayManage && <AddMember />}
        <QuotaPanel teamName={team.name} />
      </div>
      <Modal
        open={creating}
        title={t('createUser')}
        footer={null}
        destroyOnHidden
        onCancel={() => setCreating(false)}
      >
        <CreateUser />
      </Modal>
    </Page>
  );
}

function MemberList({ members }: { readonly members: readonly Member[] }): ReactNode {
  const t = useText(teamText);
  const common = useText(commonText);
  const { modal } = App.useApp();
  const { viewer } = useSession();
  const { team, details, mayManage } = useTeam();
  const change = useAction(async (email: string, role: TeamRole) => {
    await api().teams.setMember({ teamId: team.id, email, role });
    await details.reload();
  });
  const removal = useAction(async (userId: string) => {
    await api().teams.removeMember(team.id, userId);
    await details.reload();
  });
  const owners = members.filter(({ role }) => role === 'OWNER').length;
  // A team keeps an owner: the last one can neither go nor step down.
  const isLastOwner = ({ role }: Member): boolean => role === 'OWNER' && owners === 1;
  const ask = ({ user }: Member): void => {
    modal.confirm({
      title: t('removeTitle', { name: user.name }),
      content: t('removeBody'),
      okText: t('remove'),
      okButtonProps: { danger: true },
      cancelText: common('cancel'),
      onOk: async () => await removal.run(user.id),
    });
  };
  return (
    <>
      {(change.error || removal.error) && (
        <div style={{ padding: '12px 16px' }}>
          <ErrorNote error={change.error ?? removal.error} title={t('notChanged')} />
        </div>
      )}
      <DataList
        label={t('members')}
        items={members}
        keyOf={({ user }) => user.id}
        columns={[
          {
            key: 'person',
            title: t('person'),
            render: ({ user }) => (
              <>
                <div style={{ fontWeight: 550 }}>
                  {user.name} {user.id === viewer.user.id && <span className="faint">({t('you')})</span>}
                </div>
                <div className="faint small">{user.email}</div>
              </>
            ),
          },
          {
            key: 'role',
            title: t('role'),
            width: 180,
            render: (member) =>
              mayManage && !isLastOwner(member) ? (
                <Select
                  value={member.role}
                  style={{ width: 150 }}
                  aria-label={t('role')}
                  loading={change.busy}
                  options={roles.map((value) => ({ value, label: t(value) }))}
                  onChange={(next) => void change.run(member.user.email, next)}
                />
              ) : (
                t(member.role)
              ),
          },
          { key: 'since', title: t('since'), width: 140, render: ({ since }) => <RelativeTime at={since} /> },
          {
            key: 'remove',
            title: '',
            align: 'right',
            width: 100,
            render: (member) =>
              mayManage &&
              !isLastOwner(member) && (
                <Button type="text" size="small" danger onClick={() => ask(member)}>
                  {t('remove')}
                </Button>
              ),
          },
        ]}
      />
    </>
  );
}

function AddMember(): ReactNode {
  const t = useText(teamText);
  const common = useText(commonText);
  const { team, details } = useTeam();
  const [form] = Form.useForm<{ email: string; role: TeamRole }>();
  const { run, busy, error } = useAction(async (given: { email: string; role: TeamRole }) => {
    await api().teams.setMember({ teamId: team.id, ...given });
    form.resetFields();
    await details.reload();
  });
  const help = { OWNER: t('ownerHelp'), DEVELOPER: t('developerHelp'), VIEWER: t('viewerHelp') };
  return (
    <Panel title={t('addMember')} hint={t('addMemberHelp')}>
      <Form
        form={form}
        layout="inline"
        style={{ rowGap: 12 }}
        initialValues={{ role: 'DEVELOPER' }}
        onFinish={(given: { email: string; role: TeamRole }) => void run(given)}
      >
        <Form.Item
          name="email"
          rules={[{ required: true, type: 'email', message: t('required') }]}
          style={{ flex: '1 1 220px' }}
        >
          <Input type="email" placeholder={t('email')} aria-label={t('email')} data-testid="member-email" />
        </Form.Item>
        <Form.Item name="role" style={{ flex: '0 1 260px' }}>
          <Select
            aria-label={t('role')}
            options={roles.map((value) => ({ value, label: `${t(value)} — ${help[value]}` }))}
          />
        </Form.Item>
        <Button htmlType="submit" type="primary" loading={busy} data-testid="member-submit">
          {common('add')}
        </Button>
      </Form>
      {error && (
        <div style={{ marginTop: 12 }}>
          <ErrorNote error={error} title={t('notAdded')} />
        </div>
      )}
    </Panel>
  );
}

function CreateUser(): ReactNode {
  const t = useText(teamText);
  const [form] = Form.useForm<CreateUserInput>();
  const [made, setMade] = useState(false);
  const { run, busy, error } = useAction(async (input: CreateUserInput) => {
    setMade(false);
    await api().account.createUser(input);
    form.resetFields();
    setMade(true);
  });
  const required = { required: true, message: t('required') };
  return (
    <Form
      form={form}
      layout="vertical"
      requiredMark={false}
      onFinish={(input: CreateUserInput) => void run(input)}
    >
      <p className="soft" style={{ marginBottom: 16 }}>
        {t('createUserHelp')}
      </p>
      <Form.Item name="name" label={t('userName')} rules={[required]}>
        <Input autoComplete="off" />
      </Form.Item>
      <Form.Item name="email" label={t('email')} rules={[required]}>
        <Input type="email" autoComplete="off" />
      </Form.Item>
      <Form.Item
        name="password"
        label={t('userPassword')}
        extra={t('passwordHelp')}
        rules={[{ ...required, min: 10 }]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Form.Item name="admin" label={t('admin')} valuePropName="checked">
        <Switch />
      </Form.Item>
      <div className="stack">
        <ErrorNote error={error} title={t('userNotCreated')} />
        {made && <Note kind="success">{t('userCreated')}</Note>}
        <Button type="primary" htmlType="submit" block loading={busy}>
          {t('createUser')}
        </Button>
      </div>
    </Form>
  );
}
