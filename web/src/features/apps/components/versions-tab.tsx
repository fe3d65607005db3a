'use client';

import { App, Button } from 'antd';
import { AppVersionsDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, VersionFieldsFragment } from '@skyarc/sdk';
import { useEffect } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { FieldList } from '../../../components/field-list.tsx';
import { bytes, shortCommit } from '../../../components/format.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import { partsText } from '../parts-text.ts';
import { settingsText } from '../settings-text.ts';
import { GreyRelease } from './grey-release.tsx';

type Version = VersionFieldsFragment;

/** Every version that can be deployed again. */
export function VersionsTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { modal } = App.useApp();
  const { mayDevelop } = useTeam();
  const { add } = useOperations();
  const state = useQuery(AppVersionsDocument, { id: app.id, first: 50 });
  const { reload } = state;
  const current = app.currentVersion;
  useEffect(() => void reload(), [current?.id, reload]);
  const { run, busy, error } = useAction(async (versionId: string) => {
    add(await api().apps.rollback(app.id, versionId));
  });
  const parts = useText(partsText);
  const grey = useAction(async (versionId: string) => {
    const input = { percent: 10, replicas: 1 };
    add(await api().apps.startGreyRelease(app.id, versionId, input));
  });
  const locked = !mayDevelop || busy || grey.busy || app.activeOperation !== null;
  const ask = (version: Version): void => {
    modal.confirm({
      title: t('rollTitle', { from: current?.number ?? '–', to: version.number }),
      width: 520,
      content: (
        <div className="stack" style={{ marginTop: 8 }}>
          <FieldList
            fields={[
              [t('rollFrom'), current && describe(current)],
              [t('rollTo'), describe(version)],
            ]}
          />
          <p>{t('rollBody')}</p>
        </div>
      ),
      okText: t('rollBack'),
      okButtonProps: { 'data-testid': 'rollback-confirm' },
      cancelText: t('cancel'),
      onOk: async () => await run(version.id),
    });
  };
  return (
    <div className="stack">
      <GreyRelease app={app} />
      <Panel flush title={t('versions')} hint={t('versionsHint')}>
        {(error ?? grey.error) && (
          <div style={{ padding: '12px 16px' }}>
            <ErrorNote error={error ?? grey.error} title={t('notRolled')} />
          </div>
        )}
        <Loaded state={state} rows={6}>
          {(data) =>
            (data.app?.versions ?? []).length === 0 ? (
              <Empty title={t('noVersions')} />
            ) : (
              <DataList
                label={t('versions')}
                items={data.app?.versions ?? []}
                keyOf={({ id }) => id}
                columns={[
                  {
                    key: 'number',
                    title: '#',
                    width: 64,
                    render: ({ number }) => <strong>#{number}</strong>,
                  },
                  {
                    key: 'commit',
                    title: t('commit'),
                    render: ({ commitId, commitMessage }) => (
                      <span>
                        {commitId && <code className="faint">{shortCommit(commitId)}</code>} {commitMessage}
                      </span>
                    ),
                  },
                  {
                    key: 'size',
                    title: t('size'),
                    align: 'right',
                    width: 96,
                    render: ({ sizeBytes }) => <span className="soft">{bytes(Number(sizeBytes))}</span>,
                  },
                  {
                    key: 'deployed',
                    title: t('deployedAt'),
                    width: 130,
                    render: ({ deployedAt }) => (
                      <span className="soft">{deployedAt ? <RelativeTime at={deployedAt} /> : '–'}</span>
                    ),
                  },
                  {
                    key: 'act',
                    title: '',
                    align: 'right',
                    width: 260,
                    render: (version) =>
                      version.id === current?.id ? (
                        <span style={{ color: 'var(--green)', fontWeight: 550 }}>{t('current')}</span>
                      ) : (
                        <span className="row" style={{ justifyContent: 'flex-end' }}>
                          <Button
                            size="small"
                            disabled={locked || !current}
                            data-testid={`grey-${version.number}`}
                            onClick={() => void grey.run(version.id)}
                          >
                            {parts('startGrey')}
                          </Button>
                          <Button
                            size="small"
                            disabled={locked}
                            data-testid={`rollback-${version.number}`}
                            onClick={() => ask(version)}
                          >
                            {version.number < (current?.number ?? 0) ? t('rollBack') : t('rollForward')}
                          </Button>
                        </span>
                      ),
                  },
                ]}
              />
            )
          }
        </Loaded>
      </Panel>
    </div>
  );
}

function describe({
  number,
  commitId,
  commitMessage,
}: Pick<Version, 'number' | 'commitId' | 'commitMessage'>): ReactNode {
  return (
    <>
      <strong>#{number}</strong> {commitId && <code className="faint">{shortCommit(commitId)}</code>}{' '}
      {commitMessage}
    </>
  );
}
