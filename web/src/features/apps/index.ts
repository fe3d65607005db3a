export { AppPage } from './components/app-page.tsx';
export { AppRow } from './components/app-row.tsx';
export type { ListedApp } from './components/app-row.tsx';
export { NewAppPage } from './create/new-app-page.tsx';
export { isStarted } from './is-started.ts';
export { OverviewPage } from './components/overview-page.tsx';
export { useTeamOverview } from './hooks/use-team-overview.ts';
