export { MembersPage } from './components/members-page.tsx';
export { NewTeamForm } from './components/new-team-form.tsx';
export { TeamSwitcher } from './components/team-switcher.tsx';
export { TeamProvider, useTeam } from './hooks/use-team.tsx';
