'use client';

import { DataCentersDocument } from '@skyarc/sdk';
import { useSearchParams } from 'next/navigation';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { Page } from '../../../components/page.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { ImportWizard } from '../imports/import-wizard.tsx';
import { wizardText } from '../wizard-text.ts';
import { KindPicker, type SourceKind, sourceKinds } from './kind-picker.tsx';
import { NewAppForm } from './new-app-form.tsx';

/** From a source to an app, or to several: the wizard, on one page. */
export function NewAppPage(): ReactNode {
  const t = useText(wizardText);
  const search = useSearchParams();
  const { team, details, mayDevelop } = useTeam();
  const centers = useQuery(DataCentersDocument, {});
  const [kind, setKind] = useState<SourceKind>(
    sourceKinds.find((one) => one === search.get('from')) ?? 'git',
  );
  const crumbs = [{ href: '/', label: team.displayName }];
  if (!mayDevelop) {
    return (
      <Page title={t('title')} crumbs={crumbs}>
        <Empty title={t('notForViewers')} help={t('notForViewersHelp')} />
      </Page>
    );
  }
  return (
    <Page title={t('title')} subtitle={t('subtitle')} crumbs={crumbs}>
      <KindPicker kind={kind} onKind={setKind} />
      <Loaded state={details} rows={8}>
        {(data) => {
          const groups = data.team?.groups ?? [];
          const group =
            groups.find(({ id }) => id === search.get('group')) ??
            groups.find(({ name }) => name === 'default') ??
            groups[0];
          const place = { groups, groupId: group?.id, dataCenters: centers.data?.dataCenters ?? [] };
          return kind === 'compose' || kind === 'dockerRun' || kind === 'templateFile' ? (
            <ImportWizard key={kind} kind={kind} {...place} />
          ) : (
            <NewAppForm kind={kind} {...place} />
          );
        }}
      </Loaded>
    </Page>
  );
}
