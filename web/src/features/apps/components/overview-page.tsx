'use client';

import { PlusOutlined } from '@ant-design/icons';
import { Button, Input } from 'antd';
import Link from 'next/link';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import type { TeamOverviewQuery } from '../../../generated/operations.ts';
import { OperationItem, useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import { useTeamOverview } from '../hooks/use-team-overview.ts';
import { appText } from '../text.ts';
import { AppRow } from './app-row.tsx';
import type { ListedApp } from './app-row.tsx';
import styles from './apps.module.css';
import { FirstApp } from './first-app.tsx';

const changing = new Set<ListedApp['state']>(['STARTING', 'UPDATING', 'STOPPING', 'DELETING']);
const failing = new Set<ListedApp['state']>(['FAILED', 'DEGRADED']);
const recentCount = 7;

/** All groups and apps of the team, and what happened last. */
export function OverviewPage(): ReactNode {
  const t = useText(appText);
  const { team, mayDevelop } = useTeam();
  const state = useTeamOverview();
  const apps = state.data?.team?.apps;
  return (
    <Page
      title={team.displayName}
      subtitle={apps && apps.length > 0 && <Summary apps={apps} />}
      actions={
        mayDevelop && (
          <Link href="/new" tabIndex={-1}>
            <Button type="primary" icon={<PlusOutlined />} data-testid="new-app">
              {t('newApp')}
            </Button>
          </Link>
        )
      }
    >
      {apps?.length === 0 && !state.error ? (
        <FirstApp />
      ) : (
        <div className={styles['columns']}>
          <div className="stack">
            {state.data?.team ? (
              <Loaded state={state}>{(data) => <Groups team={data.team} />}</Loaded>
            ) : (
              <Panel flush>
                <Loaded state={state} rows={9}>
                  {() => null}
                </Loaded>
              </Panel>
            )}
          </div>
          <Recent />
        </div>
      )}
    </Page>
  );
}

function Summary({ apps }: { readonly apps: readonly ListedApp[] }): ReactNode {
  const t = useText(appText);
  const count = (wanted: (app: ListedApp) => boolean): number => apps.filter(wanted).length;
  const bad = count(({ state }) => failing.has(state));
  const moving = count(({ state }) => changing.has(state));
  const stopped = count(({ state }) => state === 'STOPPED');
  return (
    <div className={styles['summary']}>
      <span>{t('apps', { n: apps.length })}</span>
      <span style={{ color: 'var(--green)' }}>
        {t('running', { n: count(({ state }) => state === 'RUNNING') })}
      </span>
      {moving > 0 && <span style={{ color: 'var(--amber)' }}>{t('changing', { n: moving })}</span>}
      {stopped > 0 && <span className="faint">{t('stoppedCount', { n: stopped })}</span>}
      {bad > 0 && (
        <strong style={{ color: 'var(--red)', fontWeight: 600 }}>{t('attention', { n: bad })}</strong>
      )}
    </div>
  );
}

const filterFrom = 6;

function Groups({ team }: { readonly team: TeamOverviewQuery['team'] }): ReactNode {
  const t = useText(appText);
  const [text, setText] = useState('');
  const apps = team?.apps ?? [];
  const wanted = text.trim().toLowerCase();
  const matching = apps.filter(({ name, displayName }) =>
    `${name} ${displayName}`.toLowerCase().includes(wanted),
  );
  return (
    <>
      {apps.length >= filterFrom && (
        <Input.Search
          allowClear
          placeholder={t('filterApps')}
          aria-label={t('filterApps')}
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
      )}
      {matching.length === 0 && wanted !== '' && <Empty title={t('noAppMatches', { text })} />}
      {team?.groups.map((group) => {
        const own = matching.filter((app) => app.group.id === group.id);
        if (own.length === 0 && (wanted !== '' || team.groups.length > 1)) {
          if (wanted !== '') return null;
        }
        return (
          <Panel
            key={group.id}
            flush
            title={
              <Link href={`/group?id=${group.id}`} style={{ color: 'inherit' }}>
                {group.name}
              </Link>
            }
            hint={t('apps', { n: own.length })}
          >
            {own.length === 0 ? (
              <p className="faint small" style={{ padding: '12px 16px' }}>
                {t('emptyGroup')}
              </p>
            ) : (
              <ul className={styles['apps']}>
                {own.map((app) => (
                  <AppRow key={app.id} app={app} />
                ))}
              </ul>
            )}
          </Panel>
        );
      })}
    </>
  );
}

function Recent(): ReactNode {
  const t = useText(appText);
  const { operations, state, setPanelOpen } = useOperations();
  return (
    <Panel
      flush
      title={t('recent')}
      actions={
        <Button size="small" type="link" onClick={() => setPanelOpen(true)}>
          {t('all')}
        </Button>
      }
    >
      <Loaded state={state} rows={7}>
        {() => (
          <ul>
            {operations.slice(0, recentCount).map((operation) => (
              <OperationItem key={operation.id} operation={operation} />
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}
