'use client';

import { Segmented } from 'antd';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Page } from '../../../components/page.tsx';
import { useText } from '../../../components/use-text.ts';
import { useSession } from '../../session/index.ts';
import { useTeam } from '../../teams/index.ts';
import { monitorText } from '../text.ts';
import { FiringPanel } from './firing-panel.tsx';
import { ReceiversPanel } from './receivers-panel.tsx';
import { RulesPanel } from './rules-panel.tsx';

/** Alerts of the team, or for administrators of the installation. */
export function AlertsPage(): ReactNode {
  const t = useText(monitorText);
  const { viewer } = useSession();
  const { team, mayDevelop } = useTeam();
  const [isPlatform, setPlatform] = useState(false);
  const teamId = isPlatform ? null : team.id;
  const mayChange = isPlatform || mayDevelop;
  return (
    <Page
      title={t('alerts')}
      subtitle={t('alertsHint')}
      actions={
        viewer.user.admin && (
          <Segmented
            value={isPlatform ? 'platform' : 'team'}
            options={[
              { value: 'team', label: team.name },
              { value: 'platform', label: t('platform') },
            ]}
            onChange={(value) => setPlatform(value === 'platform')}
          />
        )
      }
    >
      <div className="stack" key={teamId}>
        <FiringPanel teamId={teamId} mayChange={mayChange} />
        <ReceiversPanel teamId={teamId} mayChange={mayChange} />
        <RulesPanel teamId={teamId} mayChange={mayChange} />
      </div>
    </Page>
  );
}
