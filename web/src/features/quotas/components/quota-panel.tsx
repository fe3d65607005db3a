'use client';

import { TeamQuotasDocument } from '@skyarc/sdk';
import type { QuotaFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { quotaText } from '../text.ts';
import { QuotaBar, resources } from './quota-bar.tsx';

/** What a team may have, and has. */
export function QuotaPanel({ teamName }: { readonly teamName: string }): ReactNode {
  const t = useText(quotaText);
  const state = useQuery(TeamQuotasDocument, { name: teamName }, { refreshMs: 10_000 });
  return (
    <Panel flush title={t('title')} hint={t('hint')} testId="quota">
      <Loaded state={state} rows={2}>
        {(data) => (
          <DataList
            label={t('title')}
            items={data.team?.quotas ?? []}
            keyOf={({ dataCenter }) => dataCenter.name}
            columns={resources.map((resource) => ({
              key: resource,
              title: t(resource),
              render: (quota: QuotaFieldsFragment) => <QuotaBar quota={quota} resource={resource} />,
            }))}
          />
        )}
      </Loaded>
    </Panel>
  );
}
