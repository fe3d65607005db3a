'use client';

import { isFinal } from '@skyarc/sdk';
import { useEffect, useRef } from 'react';
import { useQuery } from '../../../components/api.ts';
import type { QueryState } from '../../../components/api.ts';
import { TeamOverviewDocument } from '../../../generated/operations.ts';
import type { TeamOverviewQuery } from '../../../generated/operations.ts';
import { useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';

// Pods can fail without an operation, and only apps one by one tell of that; so the list is also asked for.
const refreshMs = 10_000;
const settleMs = 300;

/** Groups and apps of the team, fresh after each change of an operation. */
export function useTeamOverview(): QueryState<TeamOverviewQuery> {
  const { team } = useTeam();
  const { onChange } = useOperations();
  const state = useQuery(TeamOverviewDocument, { name: team.name }, { refreshMs });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const { reload } = state;

  useEffect(() => {
    const stop = onChange(({ status }) => {
      if (timer.current) return;
      const later = setTimeout(
        () => {
          timer.current = undefined;
          void reload();
        },
        isFinal(status) ? settleMs : 4 * settleMs,
      );
      timer.current = later;
    });
    return () => {
      stop();
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [onChange, reload]);

  return state;
}
