'use client';

import { AppBuildsDocument, AppVersionsDocument, BuildDocument, isFinal } from '@skyarc/sdk';
import type { AppFieldsFragment, BuildFieldsFragment } from '@skyarc/sdk';
import Link from 'next/link';
import { useSearchParams } from 'next/navigation';
import { useEffect } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { bytes, shortCommit } from '../../../components/format.ts';
import { Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { Elapsed, RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { LogView } from '../../logs/index.ts';
import { CancelButton, StatusGlyph, StepArc, useOperations } from '../../operations/index.ts';
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
    <Panel flush>
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

function BuildDetail({ app, id }: { readonly app: AppFieldsFragment; readonly id: string }): ReactNode {
  const t = useText(appText);
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
        <Note kind="error" title={t('why')} testId="build-failure">
          {build.message}
        </Note>
      )}
      {operation?.status === 'FAILED' && build?.status === 'SUCCEEDED' && operation.message && (
        <Note kind="error" testId="operation-failure">
          {operation.message}
        </Note>
      )}
      {operation?.status === 'SUCCEEDED' && <Running app={app} />}
      {operation && (
        <Panel>
          <StepArc steps={operation.steps} />
        </Panel>
      )}
      {build?.version && <BuiltImage app={app} version={build.version} />}
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

/** The image that a build made, and how much larger or smaller it is than the one before. */
function BuiltImage({
  app,
  version,
}: {
  readonly app: AppFieldsFragment;
  readonly version: NonNullable<BuildFieldsFragment['version']>;
}): ReactNode {
  const t = useText(appText);
  const { data } = useQuery(AppVersionsDocument, { id: app.id, first: 50 });
  const versions = data?.app?.versions ?? [];
  const own = versions.find(({ id }) => id === version.id);
  const before = versions.find(({ number }) => number < version.number);
  if (!own) return null;
  const change = before ? Number(own.sizeBytes) - Number(before.sizeBytes) : null;
  const isSame = before?.image === own.image;
  return (
    <Panel title={t('image')} testId="build-image">
      <div className="row wrap" style={{ gap: '4px 18px' }}>
        <code className="truncate">{own.image}</code>
        <span>{bytes(Number(own.sizeBytes))}</span>
        {before && (
          <span className="faint">
            {isSame
              ? t('imageSame', { number: before.number })
              : t('imageChange', {
                  change: `${(change ?? 0) < 0 ? '−' : '+'}${bytes(Math.abs(change ?? 0))}`,
                  number: before.number,
                })}
          </span>
        )}
      </div>
    </Panel>
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
