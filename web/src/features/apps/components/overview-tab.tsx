'use client';

import { AppOperationsDocument, isFinal } from '@skyarc/sdk';
import type { AppFieldsFragment } from '@skyarc/sdk';
import { Button } from 'antd';
import Link from 'next/link';
import { useEffect } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { CopyButton } from '../../../components/copy-button.tsx';
import { ExternalLink } from '../../../components/external-link.tsx';
import { FieldList } from '../../../components/field-list.tsx';
import { bytes, cores, memory, shortCommit } from '../../../components/format.ts';
import { Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import {
  CancelButton,
  OperationItem,
  operationText,
  StepArc,
  useOperations,
} from '../../operations/index.ts';
import { appText } from '../text.ts';
import styles from './apps.module.css';
import { PodList } from './pod-list.tsx';

/** How the app is, what is being done to it, and what to do when something is wrong. */
export function OverviewTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(appText);
  const isJob = app.run.workload === 'JOB' || app.run.workload === 'CRON_JOB';
  return (
    <div className={styles['detail']}>
      <div className="stack">
        <Trouble app={app} />
        {app.activeOperation && <ActiveOperation app={app} />}
        {!isJob && <Addresses app={app} />}
        <Panel
          flush
          title={t('pods')}
          hint={isJob ? undefined : t('podsReady', { ready: app.readyReplicas, wanted: app.run.replicas })}
        >
          <PodList app={app} />
        </Panel>
        <Activity app={app} />
      </div>
      <Details app={app} />
    </div>
  );
}

function Trouble({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(appText);
  if (app.state !== 'FAILED' && app.state !== 'DEGRADED') return null;
  const failed = app.state === 'FAILED';
  if (app.source.kind === 'EXTERNAL') {
    return (
      <Note
        kind={failed ? 'error' : 'warning'}
        title={app.stateReason ?? t(app.state)}
        testId="app-trouble"
        action={
          <Link href={`/app?id=${app.id}&tab=settings`} tabIndex={-1}>
            <Button size="small">{t('changeEndpoints')}</Button>
          </Link>
        }
      />
    );
  }
  const isFirst = app.currentVersion === null;
  const [otherTab, otherLabel] = isFirst
    ? (['builds', 'seeBuild'] as const)
    : (['versions', 'goBack'] as const);
  return (
    <Note
      kind={failed ? 'error' : 'warning'}
      title={app.stateReason ?? t(app.state)}
      testId="app-trouble"
      action={
        <span className="row wrap" style={{ justifyContent: 'flex-end' }}>
          <Link href={`/app?id=${app.id}&tab=logs`} tabIndex={-1}>
            <Button size="small">{t('seeLogs')}</Button>
          </Link>
          <Link href={`/app?id=${app.id}&tab=${otherTab}`} tabIndex={-1}>
            <Button size="small">{t(otherLabel)}</Button>
          </Link>
        </span>
      }
    >
      {isFirst ? t('firstFailedHelp') : failed ? t('failedHelp') : t('degradedHelp')}
    </Note>
  );
}

function ActiveOperation({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(operationText);
  const operation = app.activeOperation;
  if (!operation) return null;
  const step = operation.steps.find(({ status }) => status === 'RUNNING');
  return (
    <Panel
      testId="active-operation"
      title={t(operation.kind)}
      hint={t('by', { actor: operation.actor })}
      actions={
        <span className="row">
          {operation.build && (
            <Link className="small" href={`/app?id=${app.id}&tab=builds&build=${operation.build.id}`}>
              {t('buildLog')}
            </Link>
          )}
          <CancelButton operation={operation} />
        </span>
      }
    >
      <StepArc steps={operation.steps} />
      {(operation.message ?? step?.message) && (
        <p className="soft small" style={{ marginTop: 10 }} role="status">
          {operation.message ?? step?.message}
        </p>
      )}
    </Panel>
  );
}

function Addresses({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(appText);
  const urls = [...app.routes.map(({ url }) => url), ...app.ports.flatMap(({ url }) => (url ? [url] : []))];
  return (
    <Panel title={t('addresses')}>
      {urls.length === 0 && <p className="soft">{t('noPublic')}</p>}
      {urls.map((url) => (
        <div key={url} className={styles['address']}>
          <ExternalLink href={url} testId="app-url" />
          <CopyButton text={url} />
        </div>
      ))}
      {app.ports.length > 0 && (
        <div className={`${styles['address']} faint small wrap`}>
          {t('internal')}
          {app.ports.map(({ internalAddress }) => (
            <span key={internalAddress} className="row" style={{ gap: 2 }}>
              <code>{internalAddress}</code>
              <CopyButton text={internalAddress} />
            </span>
          ))}
        </div>
      )}
    </Panel>
  );
}

function Activity({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(appText);
  const state = useQuery(AppOperationsDocument, { id: app.id, first: 8 });
  const { onChange, operations: live } = useOperations();
  const { reload } = state;
  useEffect(
    () =>
      onChange((operation) => {
        if (operation.app?.id === app.id && isFinal(operation.status)) void reload();
      }),
    [onChange, reload, app.id],
  );
  const byId = new Map(live.map((operation) => [operation.id, operation]));
  return (
    <Panel flush title={t('activity')}>
      <Loaded state={state}>
        {(data) => {
          const items = data.app?.operations.items ?? [];
          if (items.length === 0)
            return (
              <p className="soft" style={{ padding: 16 }}>
                {t('noActivity')}
              </p>
            );
          return (
            <ul>
              {items.map((operation) => (
                <OperationItem
                  key={operation.id}
                  operation={byId.get(operation.id) ?? operation}
                  withoutApp
                />
              ))}
            </ul>
          );
        }}
      </Loaded>
    </Panel>
  );
}

function Details({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(appText);
  const { source, currentVersion: version, run } = app;
  return (
    <Panel title={t('details')}>
      <FieldList
        fields={[
          [
            t('currentVersion'),
            source.kind === 'EXTERNAL' ? null : version ? (
              <>
                <strong data-testid="current-version">#{version.number}</strong> {version.commitMessage}
                <div className="faint small">
                  {version.commitId && <code>{shortCommit(version.commitId)}</code>}{' '}
                  {version.deployedAt && <RelativeTime at={version.deployedAt} />} ·{' '}
                  {bytes(Number(version.sizeBytes))}
                </div>
              </>
            ) : (
              <span className="faint">{t('noVersion')}</span>
            ),
          ],
          [t('source'), source.url ? <code>{source.url}</code> : null],
          [t('branch'), source.branch ? <code>{source.branch}</code> : null],
          [t('subdirectory'), source.subdirectory ? <code>{source.subdirectory}</code> : null],
          [t('image'), source.image ? <code>{source.image}</code> : null],
          [t('archive'), source.fileName],
          [t('template'), source.template],
          [
            t('resources'),
            t('coresAndMemory', { cores: cores(run.cpuMillis), memory: memory(run.memoryMb) }),
          ],
          [t('dataCenter'), app.dataCenter.name],
          [t('created'), <RelativeTime key="created" at={app.createdAt} />],
        ]}
      />
    </Panel>
  );
}
