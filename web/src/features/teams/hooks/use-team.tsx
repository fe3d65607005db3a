'use client';

import { TeamDocument } from '@skyarc/sdk';
import type { TeamFieldsFragment, TeamQuery } from '@skyarc/sdk';
import { createContext, use, useCallback, useMemo, useState } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import type { QueryState } from '../../../components/api.ts';
import { useSession } from '../../session/index.ts';

interface CurrentTeam {
  readonly team: TeamFieldsFragment;
  readonly teams: readonly TeamFieldsFragment[];
  /** Members and groups of the team. */
  readonly details: QueryState<TeamQuery>;
  /** May change apps and groups. */
  readonly mayDevelop: boolean;
  readonly mayManage: boolean;
  readonly select: (name: string) => void;
}

const TeamContext = createContext<CurrentTeam | null>(null);
const storageKey = 'skyarc.team';

/** The team that the pages are about; kept for the next visit. `none` is shown to people without a team. */
export function TeamProvider({
  children,
  none,
}: {
  readonly children: ReactNode;
  readonly none: ReactNode;
}): ReactNode {
  const { viewer } = useSession();
  const [name, setName] = useState(() => localStorage.getItem(storageKey));
  const { teams } = viewer;
  const team = teams.find((each) => each.name === name) ?? teams[0];
  const details = useQuery(TeamDocument, team ? { name: team.name } : null);
  const select = useCallback((next: string) => {
    localStorage.setItem(storageKey, next);
    setName(next);
  }, []);
  const value = useMemo(
    () =>
      team && {
        team,
        teams,
        details,
        mayDevelop: team.role !== 'VIEWER',
        mayManage: team.role === 'OWNER',
        select,
      },
    [team, teams, details, select],
  );
  if (!value) return none;
  return <TeamContext value={value}>{children}</TeamContext>;
}

export function useTeam(): CurrentTeam {
  const team = use(TeamContext);
  if (!team) throw new Error('useTeam outside of TeamProvider');
  return team;
}
