'use client';

import { Segmented } from 'antd';
import { useRouter, useSearchParams } from 'next/navigation';
import type { ReactNode } from 'react';
import type { AppFieldsFragment } from '@skyarc/sdk';
import { Empty } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { terminalText } from '../text.ts';
import { Desk } from './desk.tsx';
import { Player } from './player.tsx';
import { SessionList } from './session-list.tsx';

/** Terminals of an app, who had one, and recordings; the address says which. */
export function TerminalTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(terminalText);
  const search = useSearchParams();
  const router = useRouter();
  const { mayDevelop } = useTeam();
  const view = search.get('view') === 'sessions' ? 'sessions' : 'terminals';
  const recording = search.get('recording');
  if (!mayDevelop) return <Empty title={t('viewers')} />;
  return (
    <div className="stack">
      <Segmented
        style={{ alignSelf: 'start' }}
        value={view}
        options={[
          { value: 'terminals', label: t('terminals') },
          { value: 'sessions', label: t('history') },
        ]}
        onChange={(next) =>
          router.push(`/app?id=${app.id}&tab=terminal${next === 'sessions' ? '&view=sessions' : ''}`)
        }
      />
      {view === 'terminals' && <Desk key={app.id} app={app} pod={search.get('pod')} />}
      {view === 'sessions' && recording === null && <SessionList app={app} />}
      {view === 'sessions' && recording !== null && <Player key={recording} app={app} id={recording} />}
    </div>
  );
}
