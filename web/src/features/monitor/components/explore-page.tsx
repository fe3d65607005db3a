'use client';

import { useRouter, useSearchParams } from 'next/navigation';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Page } from '../../../components/page.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { monitorText } from '../text.ts';
import { ExplorePanel } from './explore-panel.tsx';
import { TeamScope } from './team-scope.tsx';

/** Questions to everything that is measured of the team; the last one is in the address. */
export function ExplorePage(): ReactNode {
  const t = useText(monitorText);
  const router = useRouter();
  const expression = useSearchParams().get('q') ?? '';
  const { team } = useTeam();
  const [isPlatform, setPlatform] = useState(false);
  const teamId = isPlatform ? null : team.id;
  return (
    <Page
      title={t('explore')}
      subtitle={t('exploreSubtitle')}
      actions={<TeamScope isPlatform={isPlatform} onChange={setPlatform} />}
    >
      <ExplorePanel
        key={teamId}
        teamId={teamId}
        matchers={isPlatform ? 'job="services"' : 'job="apps"'}
        expression={expression}
        onAsk={(asked) => router.replace(`/explore?q=${encodeURIComponent(asked)}`)}
      />
    </Page>
  );
}
