'use client';

import type { AppFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { Note } from '../../../components/note.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { settingsText } from '../settings-text.ts';
import { Build } from './build.tsx';
import { DeleteApp } from './delete-app.tsx';
import { General } from './general.tsx';
import { Run } from './run.tsx';
import { Source } from './source.tsx';

/** Source, build and run settings, and the end of an app. */
export function SettingsTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { mayDevelop } = useTeam();
  return (
    <div className="stack" style={{ maxWidth: 820 }}>
      {!mayDevelop && <Note kind="info">{t('viewerHint')}</Note>}
      <General app={app} />
      <Source app={app} />
      <Run app={app} />
      <Build app={app} />
      {mayDevelop && <DeleteApp app={app} />}
    </div>
  );
}
