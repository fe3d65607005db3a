'use client';

import { useState } from 'react';
import type { ReactNode } from 'react';
import { Page } from '../../../components/page.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { monitorText } from '../text.ts';
import { FiringPanel } from './firing-panel.tsx';
import { ReceiversPanel } from './receivers-panel.tsx';
import { RulesPanel } from './rules-panel.tsx';
import { TeamScope } from './team-scope.tsx';

/** Alerts of the team, or for administrators of the installation. */
export function AlertsPage(): ReactNode {
  const t = useText(monitorText);
  const { team, mayDevelop } = useTeam();
  const [isPlatform, setPlatform] = useState(false);
  const teamId = isPlatform ? null : team.id;
  const mayChange = isPlatform || mayDevelop;
  return (
    <Page
      title={t('alerts')}
      subtitle={t('alertsHint')}
      actions={<TeamScope isPlatform={isPlatform} onChange={setPlatform} />}
    >
      <div className="stack" key={teamId}>
        <FiringPanel teamId={teamId} mayChange={mayChange} />
        <ReceiversPanel teamId={teamId} mayChange={mayChange} />
        <RulesPanel teamId={teamId} mayChange={mayChange} />
      </div>
    </Page>
  );
}
