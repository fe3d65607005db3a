'use client';

import { AppScalingsDocument, AppSettingsDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, AppSettingsFieldsFragment, AutoscalingInput } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { adaptAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { RecordPanel } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { autoscalingFields, requestFields } from '../run-fields.ts';
import { runText } from '../run-text.ts';

type Run = AppSettingsFieldsFragment['run'];
type Rule = NonNullable<Run['autoscaling']>;

const refreshMs = 5_000;

/** What is reserved for a pod, the rule that scales by load, and what it did. */
export function Autoscaling({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const state = useQuery(AppSettingsDocument, { id: app.id }, { refreshMs });
  return (
    <Loaded state={state} rows={6}>
      {(data) => data.app && <Parts app={app} run={data.app.run} reload={state.reload} />}
    </Loaded>
  );
}

interface PartsProps {
  readonly app: AppFieldsFragment;
  readonly run: Run;
  readonly reload: () => Promise<void>;
}

interface Requests {
  readonly cpuRequestMillis: number | null;
  readonly memoryRequestMb: number | null;
}

function Parts({ app, run, reload }: PartsProps): ReactNode {
  const t = useText(runText);
  const { mayDevelop } = useTeam();
  const requests = useUpdateApp(app.id);
  const rule = useUpdateApp(app.id);
  const { cpuRequestMillis, memoryRequestMb, autoscaling } = run;
  return (
    <>
      <RecordPanel<Requests>
        title={t('requests')}
        hint={t('requestsHint')}
        fields={requestFields(t)}
        value={{ cpuRequestMillis, memoryRequestMb }}
        // Zero returns to the rules of the data centre.
        action={adaptAction(
          requests,
          (value: Requests) => ({
            run: {
              cpuRequestMillis: value.cpuRequestMillis ?? 0,
              memoryRequestMb: value.memoryRequestMb ?? 0,
            },
          }),
          reload,
        )}
        testId="requests"
        editable={mayDevelop}
      />
      <RecordPanel<{ readonly autoscaling: AutoscalingInput | null }>
        title={t('autoscaling')}
        hint={t('autoscalingHint')}
        fields={autoscalingFields(t)}
        value={{ autoscaling: autoscaling && inputOf(autoscaling) }}
        action={adaptAction(
          rule,
          // A rule cannot be taken away, only switched off: its settings stay for the next time.
          (value: { readonly autoscaling: AutoscalingInput | null }) => ({
            run: {
              autoscaling: value.autoscaling ?? (autoscaling && { ...inputOf(autoscaling), enabled: false }),
            },
          }),
          reload,
        )}
        testId="autoscaling"
        editable={mayDevelop}
      >
        {autoscaling && <Measured rule={autoscaling} />}
      </RecordPanel>
      <Records app={app} />
    </>
  );
}

function inputOf({ metrics, ...rule }: Rule): AutoscalingInput {
  return { ...rule, metrics: metrics.map(({ kind, target }) => ({ kind, target })) };
}

function Measured({ rule }: { readonly rule: Rule }): ReactNode {
  const t = useText(runText);
  return (
    <p className="soft small" style={{ marginTop: 14 }} data-testid="autoscaling-now">
      {t('now')}:{' '}
      {rule.metrics
        .map(({ kind, current, target }) => `${t(kind)} ${current ?? '–'} / ${target}`)
        .join(' · ')}
    </p>
  );
}

function Records({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(runText);
  const state = useQuery(AppScalingsDocument, { id: app.id, first: 30 }, { refreshMs });
  return (
    <Panel flush title={t('records')} testId="scaling-records">
      <Loaded state={state} rows={3}>
        {(data) =>
          (data.app?.scalings ?? []).length === 0 ? (
            <p className="faint" style={{ padding: '12px 16px' }}>
              {t('noRecords')}
            </p>
          ) : (
            <DataList
              label={t('records')}
              items={data.app?.scalings ?? []}
              keyOf={({ at }) => at}
              columns={[
                { key: 'at', title: t('when'), width: 130, render: ({ at }) => <RelativeTime at={at} /> },
                {
                  key: 'change',
                  title: t('change'),
                  width: 100,
                  render: ({ fromReplicas, toReplicas }) => (
                    <strong>
                      {fromReplicas} → {toReplicas}
                    </strong>
                  ),
                },
                {
                  key: 'reason',
                  title: t('reason'),
                  render: ({ automatic, reason }) => (
                    <span className="soft">
                      {automatic ? t('automatic') : t('byHand')}: {reason}
                    </span>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}
