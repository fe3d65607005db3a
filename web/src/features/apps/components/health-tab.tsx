'use client';

import { AppSettingsDocument } from '@skyarc/sdk';
import type {
  AppFieldsFragment,
  AppSettingsFieldsFragment,
  PlacementInput,
  ProbesInput,
  RolloutInput,
} from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { adaptAction, useQuery } from '../../../components/api.ts';
import { Loaded } from '../../../components/states.tsx';
import { RecordPanel } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { useTeamOverview } from '../hooks/use-team-overview.ts';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { placementFields, probesFields, rolloutFields } from '../run-fields.ts';
import { runText } from '../run-text.ts';

type Run = AppSettingsFieldsFragment['run'];

/** When a pod counts as well, how changes reach pods, and where they stand. */
export function HealthTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const state = useQuery(AppSettingsDocument, { id: app.id });
  return (
    <Loaded state={state} rows={8}>
      {(data) => data.app && <Parts app={app} run={data.app.run} reload={state.reload} />}
    </Loaded>
  );
}

interface PartsProps {
  readonly app: AppFieldsFragment;
  readonly run: Run;
  readonly reload: () => Promise<void>;
}

function Parts({ app, run, reload }: PartsProps): ReactNode {
  const t = useText(runText);
  const { mayDevelop } = useTeam();
  const overview = useTeamOverview();
  const others = (overview.data?.team?.apps ?? [])
    .map(({ name }) => name)
    .filter((name) => name !== app.name);
  const probes = useUpdateApp(app.id);
  const rollout = useUpdateApp(app.id);
  const placement = useUpdateApp(app.id);
  return (
    <div className="stack">
      <RecordPanel<ProbesInput>
        title={t('probes')}
        hint={t('probesHint')}
        fields={probesFields(t)}
        value={run.probes}
        action={adaptAction(probes, (value: ProbesInput) => ({ run: { probes: value } }), reload)}
        testId="probes"
        editable={mayDevelop}
      />
      {(run.workload === 'STATELESS' || run.workload === 'STATEFUL') && (
        <RecordPanel<RolloutInput>
          title={t('rollout')}
          fields={rolloutFields(t)}
          value={run.rollout}
          action={adaptAction(rollout, (value: RolloutInput) => ({ run: { rollout: value } }), reload)}
          testId="rollout"
          editable={mayDevelop}
        />
      )}
      <RecordPanel<PlacementInput>
        title={t('placement')}
        hint={t('placementHint')}
        fields={placementFields(t, others)}
        value={run.placement}
        action={adaptAction(placement, (value: PlacementInput) => ({ run: { placement: value } }), reload)}
        testId="placement"
        editable={mayDevelop}
      />
    </div>
  );
}
