'use client';

import { CheckOutlined, PlusOutlined, SwapOutlined } from '@ant-design/icons';
import { Dropdown, Modal } from 'antd';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../hooks/use-team.tsx';
import { teamText } from '../text.ts';
import { NewTeamForm } from './new-team-form.tsx';
import styles from './team-switcher.module.css';

/** Shows the team and goes to another one. */
export function TeamSwitcher(): ReactNode {
  const t = useText(teamText);
  const router = useRouter();
  const { team, teams, select } = useTeam();
  const [creating, setCreating] = useState(false);
  const go = (name: string): void => {
    select(name);
    setCreating(false);
    router.push('/');
  };
  return (
    <>
      <Dropdown
        trigger={['click']}
        menu={{
          items: [
            ...teams.map(({ name, displayName }) => ({
              key: name,
              label: displayName,
              icon: <CheckOutlined style={{ visibility: name === team.name ? 'visible' : 'hidden' }} />,
              onClick: () => go(name),
            })),
            { type: 'divider' as const },
            { key: '+', label: t('newTeam'), icon: <PlusOutlined />, onClick: () => setCreating(true) },
          ],
        }}
      >
        <button
          type="button"
          className={styles['button']}
          aria-label={t('switchTeam')}
          data-testid="team-switcher"
        >
          <span className={styles['sign']} aria-hidden>
            {team.displayName.slice(0, 1).toUpperCase()}
          </span>
          <span className={`${styles['names']} truncate`}>
            {team.displayName}
            <small>{t(team.role)}</small>
          </span>
          <SwapOutlined className="faint" style={{ fontSize: 12 }} aria-hidden />
        </button>
      </Dropdown>
      <Modal
        open={creating}
        title={t('newTeam')}
        footer={null}
        destroyOnHidden
        onCancel={() => setCreating(false)}
      >
        <NewTeamForm onCreated={go} />
      </Modal>
    </>
  );
}
