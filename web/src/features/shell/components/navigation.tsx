'use client';

import {
  AlertOutlined,
  ApiOutlined,
  AppstoreOutlined,
  ClusterOutlined,
  DatabaseOutlined,
  ExportOutlined,
  FolderOutlined,
  HistoryOutlined,
  LineChartOutlined,
  PlusOutlined,
  SafetyCertificateOutlined,
  TeamOutlined,
} from '@ant-design/icons';
import { Button, Dropdown, Modal } from 'antd';
import { InstallationDocument } from '@skyarc/sdk';
import Link from 'next/link';
import { usePathname, useRouter, useSearchParams } from 'next/navigation';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { Logo } from '../../../components/logo.tsx';
import { LanguageSwitch, ThemeSwitch } from '../../../components/preference-switches.tsx';
import { useText } from '../../../components/use-text.ts';
import { GroupForm } from '../../groups/index.ts';
import { MessagesLink } from '../../monitor/index.ts';
import { StatusGlyph, useOperations } from '../../operations/index.ts';
import { logOut, useSession } from '../../session/index.ts';
import { TeamSwitcher, useTeam } from '../../teams/index.ts';
import { shellText } from '../text.ts';
import styles from './shell.module.css';

/** Team, places and person: the rail at the side, and the drawer on a phone. */
export function Navigation({ onNavigate }: { readonly onNavigate?: () => void }): ReactNode {
  const t = useText(shellText);
  const path = usePathname();
  const router = useRouter();
  const search = useSearchParams();
  const { viewer } = useSession();
  const { details, mayDevelop } = useTeam();
  const [creating, setCreating] = useState(false);
  const groups = details.data?.team?.groups ?? [];

  const link = (href: string, label: string, icon: ReactNode): ReactNode => {
    const current = href.includes('?') ? `${path}?id=${search.get('id')}` === href : path === href;
    return (
      <Link
        key={href}
        href={href}
        className={styles['link']}
        aria-current={current ? 'page' : undefined}
        onClick={onNavigate}
      >
        {icon}
        <span className="truncate">{label}</span>
      </Link>
    );
  };
  return (
    <nav className={styles['nav']} aria-label={t('navigation')}>
      <Link href="/" className={styles['brand']} onClick={onNavigate} aria-label="Skyarc">
        <Logo word />
      </Link>
      <TeamSwitcher />
      <div className={styles['links']}>
        {link('/', t('overview'), <AppstoreOutlined />)}
        <OperationsLink onNavigate={onNavigate} />
        <MessagesLink className={styles['link']} countClassName={styles['count']} onNavigate={onNavigate} />
        {link('/alerts', t('alerts'), <AlertOutlined />)}
        {link('/explore', t('explore'), <LineChartOutlined />)}
        {link('/team', t('members'), <TeamOutlined />)}
        {link('/certificates', t('certificates'), <SafetyCertificateOutlined />)}
        {mayDevelop && link('/registries', t('registries'), <DatabaseOutlined />)}
        {mayDevelop && link('/log-outputs', t('logOutputs'), <ExportOutlined />)}
        {link('/plugins', t('plugins'), <ApiOutlined />)}
        {viewer.user.admin && link('/data-center', t('dataCenter'), <ClusterOutlined />)}
      </div>
      <div className={styles['links']}>
        <div className={styles['heading']}>
          {t('groups')}
          {mayDevelop && (
            <Button
              size="small"
              type="text"
              icon={<PlusOutlined />}
              title={t('newGroup')}
              aria-label={t('newGroup')}
              data-testid="new-group"
              onClick={() => setCreating(true)}
            />
          )}
        </div>
        {groups.map(({ id, name }) => link(`/group?id=${id}`, name, <FolderOutlined />))}
      </div>
      <Person onNavigate={onNavigate} />
      <Modal
        open={creating}
        title={t('newGroup')}
        footer={null}
        destroyOnHidden
        onCancel={() => setCreating(false)}
      >
        <GroupForm
          onDone={(id) => {
            setCreating(false);
            onNavigate?.();
            router.push(`/group?id=${id}`);
          }}
        />
      </Modal>
    </nav>
  );
}

function OperationsLink({ onNavigate }: { readonly onNavigate?: () => void }): ReactNode {
  const t = useText(shellText);
  const { active, setPanelOpen } = useOperations();
  const open = (): void => {
    onNavigate?.();
    setPanelOpen(true);
  };
  return (
    <button type="button" className={styles['link']} data-testid="operations-open" onClick={open}>
      {active.length > 0 ? <StatusGlyph status="RUNNING" /> : <HistoryOutlined />}
      <span className="truncate">{t('operations')}</span>
      {active.length > 0 && <span className={styles['count']}>{active.length}</span>}
    </button>
  );
}

function Person({ onNavigate }: { readonly onNavigate?: () => void }): ReactNode {
  const t = useText(shellText);
  const router = useRouter();
  const { viewer } = useSession();
  const { data } = useQuery(InstallationDocument, {});
  const { name } = viewer.user;
  return (
    <div className={styles['foot']}>
      <div className={styles['tools']}>
        <ThemeSwitch />
        <LanguageSwitch />
        <span className="faint small" style={{ marginLeft: 'auto', paddingRight: 8 }}>
          {data && t('version', { version: data.installation.version })}
        </span>
      </div>
      <Dropdown
        trigger={['click']}
        placement="topLeft"
        menu={{
          items: [
            {
              key: 'account',
              label: t('account'),
              onClick: () => {
                onNavigate?.();
                router.push('/account');
              },
            },
            { type: 'divider' },
            { key: 'logout', label: t('logout'), onClick: () => void logOut() },
          ],
        }}
      >
        <button type="button" className={styles['person']} data-testid="person-menu">
          <span className={styles['face']} aria-hidden>
            {initials(name)}
          </span>
          <span className="truncate">{name}</span>
        </button>
      </Dropdown>
    </div>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  return `${words[0]?.[0] ?? ''}${words.length > 1 ? (words.at(-1)?.[0] ?? '') : ''}`.toUpperCase();
}
