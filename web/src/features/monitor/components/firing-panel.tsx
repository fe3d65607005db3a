'use client';

import { Button } from 'antd';
import { AlertsDocument, SilencesDocument } from '@skyarc/sdk';
import type { AlertsQuery, SilenceFieldsFragment } from '@skyarc/sdk';
import { summaryIn } from '@skyarc/sdk/alerts';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { usePreferences } from '../../../components/preferences.tsx';
import { useText } from '../../../components/use-text.ts';
import { monitorText } from '../text.ts';
import { Severity } from './severity.tsx';

type Alert = AlertsQuery['alerts'][number];

export interface AlertPanelProps {
  /** Null: the installation's. */
  readonly teamId: string | null;
  readonly mayChange: boolean;
}

const refreshMs = 5_000;
const silenceMinutes = 120;
/** By which way a series came says nothing of what it is about. */
const ofScraping = /^(instance|job|data_center|severity|exported_.*)$/;
/** Ids, and the label that has a name for each. */
const namedBy: Readonly<Record<string, string>> = {
  app: 'app_name',
  namespace: 'app_name',
  rule: 'alertname',
};

/** What fires, and what is silenced. */
export function FiringPanel({ teamId, mayChange }: AlertPanelProps): ReactNode {
  const t = useText(monitorText);
  const { language } = usePreferences();
  const alerts = useQuery(AlertsDocument, { teamId }, { refreshMs });
  const silences = useQuery(SilencesDocument, { teamId }, { refreshMs });
  const place = teamId === null ? {} : { teamId };
  const reload = () => Promise.all([alerts.reload(), silences.reload()]);
  const silence = useAction(async ({ labels }: Alert) => {
    const matchers = labels
      .map(({ name, value }) => ({ name, value }))
      .filter(({ name, value }) => value !== '' && !ofScraping.test(name));
    await api().monitor.silence({ teamId, matchers, minutes: silenceMinutes, comment: t('silenced') });
    await reload();
  });
  const end = useAction(async (id: string) => {
    await api().monitor.endSilence(id, place);
    await reload();
  });
  return (
    <>
      <Panel flush title={t('firing')} testId="firing">
        <ErrorNote error={silence.error} title={t('notDone')} />
        <Loaded state={alerts} rows={3}>
          {(data) =>
            data.alerts.length === 0 ? (
              <Empty title={t('nothingFires')} help={t('nothingFiresHelp')} />
            ) : (
              <DataList
                label={t('firing')}
                items={data.alerts}
                keyOf={({ id }) => id}
                columns={[
                  { key: 'severity', title: t('severity'), render: (one) => <Severity of={one.severity} /> },
                  {
                    key: 'what',
                    title: t('what'),
                    render: ({ summary, name, state }) => (
                      <>
                        <strong>{summaryIn(language, name, summary)}</strong>
                        <div className="faint small">
                          {name} · {t(state)}
                        </div>
                      </>
                    ),
                  },
                  {
                    key: 'since',
                    title: t('since'),
                    render: ({ startedAt }) => <RelativeTime at={startedAt} />,
                  },
                  {
                    key: 'act',
                    title: '',
                    align: 'right',
                    render: (one) =>
                      mayChange &&
                      one.state === 'FIRING' && (
                        <Button
                          size="small"
                          loading={silence.busy}
                          data-testid={`silence-${one.name}`}
                          onClick={() => void silence.run(one)}
                        >
                          {t('silence')}
                        </Button>
                      ),
                  },
                ]}
              />
            )
          }
        </Loaded>
      </Panel>
      <Panel flush title={t('silences')} testId="silences">
        <ErrorNote error={end.error} title={t('notDone')} />
        <Loaded state={silences} rows={1}>
          {(data) =>
            data.silences.length === 0 ? (
              <p className="soft" style={{ padding: 16 }}>
                {t('noSilences')}
              </p>
            ) : (
              <DataList
                label={t('silences')}
                items={data.silences}
                keyOf={({ id }) => id}
                columns={[
                  {
                    key: 'what',
                    title: t('what'),
                    render: ({ matchers }) => <Silenced matchers={matchers} />,
                  },
                  { key: 'reason', title: t('reason'), render: ({ comment }) => comment },
                  { key: 'by', title: t('by'), render: ({ createdBy }) => createdBy },
                  { key: 'until', title: t('until'), render: ({ endsAt }) => <RelativeTime at={endsAt} /> },
                  {
                    key: 'act',
                    title: '',
                    align: 'right',
                    render: ({ id }) =>
                      mayChange && (
                        <Button size="small" data-testid="silence-end" onClick={() => void end.run(id)}>
                          {t('end')}
                        </Button>
                      ),
                  },
                ]}
              />
            )
          }
        </Loaded>
      </Panel>
    </>
  );
}

/** Which alerts are silenced, by name and by what they are about. */
function Silenced({ matchers }: Pick<SilenceFieldsFragment, 'matchers'>): ReactNode {
  const given = new Set(matchers.map(({ name }) => name));
  const names = matchers.filter(({ name }) => name === 'alertname').map(({ value }) => value);
  const others = matchers
    .filter(({ name }) => name !== 'alertname' && !given.has(namedBy[name] ?? ''))
    .map(({ name, value }) => `${name}=${value}`);
  return (
    <>
      <strong>{names.join(', ')}</strong>
      <div className="faint small">{others.join(', ')}</div>
    </>
  );
}
