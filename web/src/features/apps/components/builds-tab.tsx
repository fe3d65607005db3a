'use client';

import { AppBuildsDocument, BuildDocument, isFinal } from '@skyarc/sdk';
import type { AppFieldsFragment, BuildFieldsFragment } from '@skyarc/sdk';
import { Button } from 'antd';
import Link from 'next/link';
import { useSearchParams } from 'next/navigation';
import { useEffect } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { shortCommit } from '../../../components/format.ts';
import { ErrorNote, Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { Elapsed, RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { LogView } from '../../logs/index.ts';
import { CancelButton, StatusGlyph, StepArc, useOperations } from '../../operations/index.ts';
import { BuildCache } from '../builds/build-cache.tsx';
import { BuiltImage } from '../builds/built-image.tsx';
import { Proof } from '../builds/proof.tsx';
import { buildText } from '../builds/text.ts';
import { useTeam } from '../../teams/index.ts';
import { appText } from '../text.ts';
import styles from './apps.module.css';

/** All builds, or one of them with its live log when the address names it. */
export function BuildsTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const build = useSearchParams().get('build');
  return build ? <BuildDetail key={build} app={app} id={build} /> : <BuildList app={app} />;
}

function BuildList({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(appText);
  const state = useQuery(AppBuildsDocument, { id: app.id, first: 50 });
  const { reload } = state;
  const { onChange } = useOperations();
  const step = `${app.activeOperation?.id} ${app.activeOperation?.build?.status}`;
  useEffect(() => void reload(), [step, reload]);
  // An operation may have come and gone between two views of the app.
  useEffect(
    () =>
      onChange((operation) => {
        if (operation.app?.id === app.id) void reload();
      }),
    [onChange, app.id, reload],
  );
  return (
    <Panel flush title={t('builds')} actions={<FreshBuild app={app} />}>
      <Loaded state={state} rows={8}>
        {(data) =>
          (data.app?.builds ?? []).length === 0 ? (
            <Empty title={t('noBuilds')} help={t('noBuildsHelp')} />
          ) : (
            data.app?.builds.map((build) => (
              <Link
                key={build.id}
                className={styles['build']}
                href={`/app?id=${app.id}&tab=builds&build=${build.id}`}
                data-testid={`build-${build.number}`}
              >
                <StatusGlyph
                  status={build.status}
                  label={t(build.status === 'RUNNING' ? 'liveNow' : build.status)}
                />
                <strong style={{ fontWeight: 580 }}>{t('build', { number: build.number })}</strong>
                <span className={`${styles['commit']} small truncate soft`}>
                  {build.commitId && <code>{shortCommit(build.commitId)}</code>} {build.commitMessage}
                  {build.commitAuthor && (
                    <span className="faint"> · {build.commitAuthor.replace(/ *<.*/, '')}</span>
                  )}
                </span>
                <span className="faint small" style={{ textAlign: 'right' }}>
                  <RelativeTime at={build.createdAt} />
                  {build.startedAt && (
                    <>
                      {' · '}
                      <Elapsed from={build.startedAt} to={build.finishedAt} />
                    </>
                  )}
                </span>
                {build.message && build.status !== 'SUCCEEDED' && <p>{build.message}</p>}
              </Link>
            ))
          )
        }
      </Loaded>
    </Panel>
  );
}

/** For when a cache is to blame. */
function FreshBuild({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(buildText);
  const { mayDevelop } = useTeam();
  const { add } = useOperations();
  const { run, busy, error } = useAction(async () => add(await api().apps.deploy(app.id, { noCache: true })));
  if (!mayDevelop || app.source.kind === 'EXTERNAL' || app.source.kind === 'IMAGE') return null;
  return (
    <div className="row">
      <ErrorNote error={error} title={t('notDone')} />
      <Button
        size="small"
        title={t('noCacheHelp')}
        loading={busy}
        disabled={app.activeOperation !== null}
        data-testid="fresh-build"
        onClick={() => void run()}
      >
        {t('noCache')}
      </Button>
    </div>
  );
}

function BuildDetail({ app, id }: { readonly app: AppFieldsFragment; readonly id: string }): ReactNode {
  const t = useText(appText);
  const { mayDevelop } = useTeam();
  const { operations } = useOperations();
  const operation = operations.find(({ build }) => build?.id === id);
  const state = useQuery(BuildDocument, { id });
  const { reload } = state;
  const progress = operation?.steps.map(({ status }) => status).join(' ');
  useEffect(() => void reload(), [progress, operation?.status, reload]);
  const build = state.data?.build;
  const running = operation && !isFinal(operation.status);
  return (
    <div className="stack">
      <div className="row wrap" style={{ gap: '4px 14px' }}>
        <Link href={`/app?id=${app.id}&tab=builds`}>← {t('allBuilds')}</Link>
        {build && <BuildFacts build={build} />}
        <span className="grow" />
        {running && <CancelButton operation={operation} />}
      </div>
      {build && build.message && (build.status === 'FAILED' || build.status === 'TIMED_OUT') && (
        <Note
          kind="error"
          title={t('why')}
          testId="build-failure"
          action={
            mayDevelop &&
            !running && (
              <Link href={`/app?id=${app.id}&tab=settings`} tabIndex={-1}>
                <Button size="small">{t('changeSource')}</Button>
              </Link>
            )
          }
        >
          {build.message}
          <Proof lines={build.proof} />
        </Note>
      )}
      {operation?.status === 'FAILED' && build?.status === 'SUCCEEDED' && operation.message && (
        <Note kind="error" testId="operation-failure">
          {operation.message}
        </Note>
      )}
      {operation?.status === 'SUCCEEDED' && <Running app={app} />}
      {(operation ?? build) && (
        <Panel testId="build-phases">
          <StepArc steps={operation?.steps ?? build?.phases ?? []} />
        </Panel>
      )}
      {build && <BuiltImage app={app} build={build} />}
      {build && <BuildCache build={build} />}
      <LogView
        source={{ kind: 'BUILD', id }}
        tail={5_000}
        height="max(380px, calc(100dvh - 420px))"
        testId="build-log"
      />
    </div>
  );
}

function BuildFacts({ build }: { readonly build: BuildFieldsFragment }): ReactNode {
  const t = useText(appText);
  return (
    <>
      <span className="row">
        <StatusGlyph status={build.status} label={t(build.status === 'RUNNING' ? 'liveNow' : build.status)} />
        <strong>{t('build', { number: build.number })}</strong>
      </span>
      {build.commitId && (
        <span className="soft small truncate">
          <code>{shortCommit(build.commitId)}</code> {build.commitMessage}
        </span>
      )}
      {build.buildpack && build.reason && (
        <span className="faint small">
          {t('detectedBy', { buildpack: build.buildpack, reason: build.reason })}
        </span>
      )}
      {build.startedAt && (
        <span className="faint small">
          <Elapsed from={build.startedAt} to={build.finishedAt} />
        </span>
      )}
      {build.version && <span className="faint small">{t('became', { number: build.version.number })}</span>}
    </>
  );
}

function Running({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(appText);
  const url = app.routes[0]?.url ?? app.ports.find((port) => port.url)?.url;
  if (app.state !== 'RUNNING') return null;
  return (
    <Note kind="success" title={t('deployed', { app: app.displayName || app.name })}>
      {url && (
        <a href={url} target="_blank" rel="noreferrer" data-testid="app-url">
          {url}
        </a>
      )}
    </Note>
  );
}
