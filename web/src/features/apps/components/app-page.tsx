'use client';

import { useSearchParams } from 'next/navigation';
import Link from 'next/link';
import { Button } from 'antd';
import { useEffect } from 'react';
import type { ReactNode } from 'react';
import type { AppFieldsFragment } from '@skyarc/sdk';
import { commonText } from '../../../components/common-text.ts';
import { Page } from '../../../components/page.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { Tabs } from '../../../components/tabs.tsx';
import { useText } from '../../../components/use-text.ts';
import { LogView } from '../../logs/index.ts';
import { useTeam } from '../../teams/index.ts';
import { TerminalTab } from '../../terminals/index.ts';
import { useLiveApp } from '../hooks/use-live-app.ts';
import { appText } from '../text.ts';
import { AppActions } from './app-actions.tsx';
import { MetricsPanel, OwnMetrics } from '../../monitor/index.ts';
import { RoutesTab } from '../routes/components/routes-tab.tsx';
import { BuildsTab } from './builds-tab.tsx';
import { ConnectionsTab } from './connections-tab.tsx';
import { EnvironmentTab } from './environment-tab.tsx';
import { HealthTab } from './health-tab.tsx';
import { OverviewTab } from './overview-tab.tsx';
import { PluginsTab } from './plugins-tab.tsx';
import { PortsTab } from './ports-tab.tsx';
import { ScaleTab } from './scale-tab.tsx';
import { ScheduleTab } from './schedule-tab.tsx';
import { SettingsTab } from '../settings/settings-tab.tsx';
import { StateBadge } from './state-badge.tsx';
import { StorageTab } from './storage-tab.tsx';
import { VersionsTab } from './versions-tab.tsx';
import { WebhooksTab } from '../webhooks/webhooks-tab.tsx';

const tabs = {
  overview: ['tabOverview', (app: AppFieldsFragment) => <OverviewTab app={app} />],
  builds: ['tabBuilds', (app: AppFieldsFragment) => <BuildsTab app={app} />],
  logs: [
    'tabLogs',
    ({ id }: AppFieldsFragment) => (
      <LogView
        key={id}
        source={{ kind: 'APP', id }}
        height="max(420px, calc(100dvh - 236px))"
        testId="runtime-log"
      />
    ),
  ],
  metrics: [
    'tabMetrics',
    (app: AppFieldsFragment) => (
      <div key={app.id} className="stack">
        <MetricsPanel subject="APP" id={app.id} />
        <OwnMetrics app={app} />
      </div>
    ),
  ],
  terminal: ['tabTerminal', (app: AppFieldsFragment) => <TerminalTab key={app.id} app={app} />],
  environment: ['tabEnvironment', (app: AppFieldsFragment) => <EnvironmentTab key={app.id} app={app} />],
  connections: ['tabConnections', (app: AppFieldsFragment) => <ConnectionsTab key={app.id} app={app} />],
  ports: ['tabPorts', (app: AppFieldsFragment) => <PortsTab key={app.id} app={app} />],
  routes: ['tabRoutes', (app: AppFieldsFragment) => <RoutesTab key={app.id} app={app} />],
  storage: ['tabStorage', (app: AppFieldsFragment) => <StorageTab key={app.id} app={app} />],
  schedule: ['tabSchedule', (app: AppFieldsFragment) => <ScheduleTab key={app.id} app={app} />],
  scale: ['tabScale', (app: AppFieldsFragment) => <ScaleTab key={app.id} app={app} />],
  health: ['tabHealth', (app: AppFieldsFragment) => <HealthTab key={app.id} app={app} />],
  plugins: ['tabPlugins', (app: AppFieldsFragment) => <PluginsTab key={app.id} app={app} />],
  webhooks: ['tabWebhooks', (app: AppFieldsFragment) => <WebhooksTab key={app.id} app={app} />],
  versions: ['tabVersions', (app: AppFieldsFragment) => <VersionsTab app={app} />],
  settings: ['tabGeneral', (app: AppFieldsFragment) => <SettingsTab key={app.id} app={app} />],
} as const;

type TabKey = keyof typeof tabs;

/** Tabs and groups of tabs, in the order shown. */
const sections = [
  'overview',
  'builds',
  'versions',
  'logs',
  'metrics',
  'terminal',
  {
    key: 'configuration',
    label: 'tabConfiguration',
    tabs: ['environment', 'storage', 'scale', 'schedule', 'health', 'plugins'],
  },
  { key: 'network', label: 'tabNetwork', tabs: ['ports', 'routes', 'connections'] },
  { key: 'administration', label: 'tabSettings', tabs: ['settings', 'webhooks'] },
] as const satisfies readonly (TabKey | { key: string; label: string; tabs: readonly TabKey[] })[];

/** Parts that have no meaning for an app: jobs are not scaled or routed, others have no schedule. */
function isShown(key: TabKey, { run, source }: AppFieldsFragment): boolean {
  if (key === 'webhooks') return source.kind !== 'EXTERNAL';
  const isJob = run.workload === 'JOB' || run.workload === 'CRON_JOB';
  if (key === 'schedule') return isJob;
  return !isJob || (key !== 'scale' && key !== 'routes' && key !== 'ports');
}

/** Everything about one app; the part shown is in the address. */
export function AppPage(): ReactNode {
  const t = useText(appText);
  const common = useText(commonText);
  const search = useSearchParams();
  const id = search.get('id') ?? '';
  const asked = search.get('tab') ?? '';
  const tab: TabKey = asked in tabs ? (asked as TabKey) : 'overview';
  const state = useLiveApp(id);
  const { team, select } = useTeam();
  const app = state.data;

  useEffect(() => {
    if (app && app.team.name !== team.name) select(app.team.name);
  }, [app, team.name, select]);

  useEffect(() => {
    if (app) document.title = `${app.displayName || app.name} · Skyarc`;
    return () => {
      document.title = 'Skyarc';
    };
  }, [app]);

  const back = (
    <Link href="/" tabIndex={-1}>
      <Button>{common('backToOverview')}</Button>
    </Link>
  );
  if (state.deleted) {
    return (
      <Page title={app?.name ?? ''}>
        <Empty title={t('gone')} help={t('goneHelp')} action={back} />
      </Page>
    );
  }
  if (state.error?.code === 'NOT_FOUND') {
    return (
      <Page title="">
        <Empty title={common('notFoundTitle')} help={common('notFoundHelp')} action={back} />
      </Page>
    );
  }
  if (!app) {
    return (
      <Page title="">
        <Loaded state={state} rows={10}>
          {() => null}
        </Loaded>
      </Page>
    );
  }
  const linkOf = (key: TabKey) => ({ key, label: t(tabs[key][0]), href: `/app?id=${id}&tab=${key}` });
  return (
    <Page
      name={app.displayName || app.name}
      title={
        <>
          <h1>{app.displayName || app.name}</h1>
          <StateBadge state={app.state} pill />
        </>
      }
      crumbs={[
        { href: '/', label: app.team.displayName },
        { href: `/group?id=${app.group.id}`, label: app.group.name },
      ]}
      actions={<AppActions app={app} />}
    >
      <Tabs
        label={t('sections')}
        current={tab}
        tabs={sections.map((section) =>
          typeof section === 'string'
            ? linkOf(section)
            : {
                key: section.key,
                label: t(section.label),
                tabs: section.tabs.filter((key) => isShown(key, app)).map(linkOf),
              },
        )}
      />
      {tabs[tab][1](app)}
    </Page>
  );
}
