'use client';

import { PlayCircleOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { AppJobRunsDocument, AppSettingsDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, AppSettingsFieldsFragment, JobSettingsInput } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { adaptAction, api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { duration } from '../../../components/format.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { RecordPanel } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { StatusGlyph, useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { jobFields } from '../run-fields.ts';
import { runText } from '../run-text.ts';

type Run = AppSettingsFieldsFragment['run'];

const refreshMs = 3_000;

/** When a job runs, and what became of its runs. */
export function ScheduleTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const state = useQuery(AppSettingsDocument, { id: app.id });
  return (
    <div className="stack">
      <Runs app={app} nextRunAt={state.data?.app?.run.job?.nextRunAt ?? null} />
      <Loaded state={state} rows={6}>
        {(data) => data.app && <Settings app={app} run={data.app.run} reload={state.reload} />}
      </Loaded>
    </div>
  );
}

interface SettingsProps {
  readonly app: AppFieldsFragment;
  readonly run: Run;
  readonly reload: () => Promise<void>;
}

function Settings({ app, run, reload }: SettingsProps): ReactNode {
  const t = useText(runText);
  const { mayDevelop } = useTeam();
  const update = useUpdateApp(app.id);
  const { nextRunAt: _, ...job } = run.job ?? { nextRunAt: null };
  return (
    <RecordPanel<JobSettingsInput>
      title={t('schedule')}
      hint={t('scheduleHint')}
      fields={jobFields(t, run.workload === 'CRON_JOB')}
      value={job}
      action={adaptAction(update, (value: JobSettingsInput) => ({ run: { job: value } }), reload)}
      testId="job"
      editable={mayDevelop}
    />
  );
}

function Runs({
  app,
  nextRunAt,
}: {
  readonly app: AppFieldsFragment;
  readonly nextRunAt: string | null;
}): ReactNode {
  const t = useText(runText);
  const { mayDevelop } = useTeam();
  const { add } = useOperations();
  const state = useQuery(AppJobRunsDocument, { id: app.id, first: 50 }, { refreshMs });
  const { run, busy, error } = useAction(async () => {
    add(await api().apps.run(app.id));
    await state.reload();
  });
  return (
    <Panel
      flush
      title={t('runs')}
      hint={nextRunAt && <NextRun at={nextRunAt} />}
      actions={
        <Button
          type="primary"
          icon={<PlayCircleOutlined />}
          disabled={!mayDevelop || !app.currentVersion}
          loading={busy}
          data-testid="run-now"
          onClick={() => void run()}
        >
          {t('runNow')}
        </Button>
      }
    >
      <ErrorNote error={error} title={t('notRun')} />
      <Loaded state={state} rows={4}>
        {(data) =>
          (data.app?.jobRuns ?? []).length === 0 ? (
            <p className="faint" style={{ padding: '12px 16px' }}>
              {t('noRuns')}
            </p>
          ) : (
            <DataList
              label={t('runs')}
              items={data.app?.jobRuns ?? []}
              keyOf={({ id }) => id}
              columns={[
                {
                  key: 'state',
                  title: t('state'),
                  width: 150,
                  render: ({ status }) => (
                    <span className="row">
                      <StatusGlyph status={status} /> {t(status)}
                    </span>
                  ),
                },
                {
                  key: 'name',
                  title: t('name'),
                  render: ({ name, message }) => (
                    <>
                      <code>{name}</code>
                      {message && <div className="soft small">{message}</div>}
                    </>
                  ),
                },
                {
                  key: 'why',
                  title: t('reason'),
                  width: 120,
                  render: ({ scheduled }) => (scheduled ? t('scheduled') : t('byHand')),
                },
                {
                  key: 'when',
                  title: t('when'),
                  width: 130,
                  render: ({ startedAt }) => <RelativeTime at={startedAt} />,
                },
                {
                  key: 'took',
                  title: t('took'),
                  width: 100,
                  align: 'right',
                  render: ({ startedAt, finishedAt }) =>
                    finishedAt ? duration(Date.parse(finishedAt) - Date.parse(startedAt)) : '–',
                },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

function NextRun({ at }: { readonly at: string }): ReactNode {
  const t = useText(runText);
  const [before, after] = t('nextRun', { when: '\0' }).split('\0');
  return (
    <>
      {before}
      <RelativeTime at={at} />
      {after}
    </>
  );
}
