'use client';

import { MenuOutlined } from '@ant-design/icons';
import { Button, Drawer } from 'antd';
import Link from 'next/link';
import { Suspense, useState } from 'react';
import type { ReactNode } from 'react';
import { Boot } from '../../../components/boot.tsx';
import { Logo } from '../../../components/logo.tsx';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { useText } from '../../../components/use-text.ts';
import { OperationsButton, OperationsPanel, OperationsProvider } from '../../operations/index.ts';
import { logOut, SessionGate } from '../../session/index.ts';
import { NewTeamForm, TeamProvider } from '../../teams/index.ts';
import { teamText } from '../../teams/text.ts';
import { shellText } from '../text.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { Navigation } from './navigation.tsx';
import styles from './shell.module.css';

/** The frame of every page for people who are logged in. */
export function Shell({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <Suspense fallback={<Boot />}>
      <SessionGate>
        <TeamProvider none={<NoTeam />}>
          <OperationsProvider>
            <Frame>{children}</Frame>
          </OperationsProvider>
        </TeamProvider>
      </SessionGate>
    </Suspense>
  );
}

function Frame({ children }: { readonly children: ReactNode }): ReactNode {
  const t = useText(shellText);
  const [open, setOpen] = useState(false);
  return (
    <div className={styles['shell']}>
      <a className={styles['skip']} href="#content">
        {t('skip')}
      </a>
      <aside className={styles['rail']}>
        <Navigation />
      </aside>
      <div className={styles['main']}>
        <ConnectionBanner />
        <div className={styles['top']}>
          <Button
            type="text"
            icon={<MenuOutlined />}
            aria-label={t('openNavigation')}
            onClick={() => setOpen(true)}
            data-testid="open-navigation"
          />
          <Link href="/" className="grow" aria-label="Skyarc">
            <Logo size={24} word />
          </Link>
          <OperationsButton />
        </div>
        <main id="content" tabIndex={-1}>
          {children}
        </main>
      </div>
      <OperationsPanel />
      <Drawer
        open={open}
        placement="left"
        size={280}
        closable={false}
        styles={{ body: { padding: 0 } }}
        onClose={() => setOpen(false)}
      >
        <Navigation onNavigate={() => setOpen(false)} />
      </Drawer>
    </div>
  );
}

function NoTeam(): ReactNode {
  const t = useText(teamText);
  const shell = useText(shellText);
  return (
    <div style={{ maxWidth: 560, margin: '8vh auto' }}>
      <div className="row" style={{ justifyContent: 'space-between', padding: '0 32px' }}>
        <Logo word />
        <Button type="text" onClick={() => void logOut()}>
          {shell('logout')}
        </Button>
      </div>
      <Page title={t('noTeamTitle')} subtitle={t('noTeamHelp')}>
        <Panel title={t('newTeam')}>
          <NewTeamForm />
        </Panel>
      </Page>
    </div>
  );
}
