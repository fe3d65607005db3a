'use client';

import { Button, Modal, Tag } from 'antd';
import { MetricsEndpointsDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, MetricsEndpointFieldsFragment } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { monitorText } from '../text.ts';
import { EndpointForm } from './endpoint-form.tsx';
import { ExplorePanel } from './explore-panel.tsx';

type Endpoint = MetricsEndpointFieldsFragment;

/** Metrics that an app has of its own: where they are, whether its pods answer there, and what they say. */
export function OwnMetrics({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(monitorText);
  const { mayDevelop } = useTeam();
  const state = useQuery(MetricsEndpointsDocument, { appId: app.id }, { refreshMs: 5_000 });
  const [editing, setEditing] = useState<Endpoint | 'new'>();
  const remove = useAction(async ({ port }: Endpoint) => {
    await api().monitor.setEndpoint(app.id, port, null);
    await state.reload();
  });
  const endpoints = state.data?.app?.metricsEndpoints ?? [];
  return (
    <>
      <Panel
        flush
        title={t('ownMetrics')}
        hint={t('ownMetricsHint')}
        testId="own-metrics"
        actions={
          mayDevelop && (
            <Button size="small" data-testid="endpoint-new" onClick={() => setEditing('new')}>
              {t('newEndpoint')}
            </Button>
          )
        }
      >
        <ErrorNote error={remove.error} title={t('notDone')} />
        <Loaded state={state} rows={2}>
          {() =>
            endpoints.length === 0 ? (
              <p className="soft" style={{ padding: 16 }}>
                {t('noEndpoints')}
              </p>
            ) : (
              <DataList
                label={t('ownMetrics')}
                items={endpoints}
                keyOf={({ port }) => String(port)}
                columns={[
                  {
                    key: 'where',
                    title: t('where'),
                    render: ({ port, path }) => <span className="mono">{`:${port}${path}`}</span>,
                  },
                  {
                    key: 'interval',
                    title: t('interval'),
                    render: ({ intervalSec }) =>
                      intervalSec ? t('everySeconds', { n: intervalSec }) : t('usual'),
                  },
                  { key: 'pods', title: t('PODS'), render: (endpoint) => <Targets {...endpoint} /> },
                  {
                    key: 'act',
                    title: '',
                    align: 'right',
                    render: (endpoint) =>
                      mayDevelop && (
                        <span className="row wrap" style={{ justifyContent: 'flex-end' }}>
                          <Button size="small" onClick={() => setEditing(endpoint)}>
                            {t('change')}
                          </Button>
                          <Button
                            size="small"
                            danger
                            loading={remove.busy}
                            data-testid={`endpoint-remove-${endpoint.port}`}
                            onClick={() => void remove.run(endpoint)}
                          >
                            {t('remove')}
                          </Button>
                        </span>
                      ),
                  },
                ]}
              />
            )
          }
        </Loaded>
        <Modal
          open={editing !== undefined}
          title={editing === 'new' ? t('newEndpoint') : t('endpointOf', { port: editing?.port ?? '' })}
          footer={null}
          destroyOnHidden
          onCancel={() => setEditing(undefined)}
        >
          {editing && (
            <EndpointForm
              appId={app.id}
              endpoint={editing === 'new' ? null : editing}
              onDone={() => {
                setEditing(undefined);
                void state.reload();
              }}
            />
          )}
        </Modal>
      </Panel>
      {endpoints.length > 0 && (
        <ExplorePanel
          teamId={app.team.id}
          dataCenter={app.dataCenter.name}
          matchers={`job="apps", app="${app.id}"`}
        />
      )}
    </>
  );
}

/** Whether each pod answered when it was asked last. */
function Targets({ port, targets }: Endpoint): ReactNode {
  const t = useText(monitorText);
  if (!targets) return <span className="faint">{t('unknown')}</span>;
  if (targets.length === 0) return <span className="faint">{t('notRead')}</span>;
  return (
    <span className="row wrap" data-testid={`targets-${port}`}>
      {targets.map(({ pod, isUp }) => (
        <Tag key={pod} color={isUp ? 'success' : 'error'} title={pod}>
          …{pod.slice(-5)} {t(isUp ? 'answers' : 'silent')}
        </Tag>
      ))}
    </span>
  );
}
