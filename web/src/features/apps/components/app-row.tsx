'use client';

import Link from 'next/link';
import type { ReactNode } from 'react';
import { ExternalLink } from '../../../components/external-link.tsx';
import { shortCommit, repositoryName } from '../../../components/format.ts';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import type { TeamOverviewQuery } from '../../../generated/operations.ts';
import { StepBar } from '../../operations/index.ts';
import { isStarted } from '../is-started.ts';
import { appText } from '../text.ts';
import styles from './apps.module.css';
import { PodPips, StateBadge } from './state-badge.tsx';

export type ListedApp = NonNullable<TeamOverviewQuery['team']>['apps'][number];

const quiet = new Set<ListedApp['state']>(['RUNNING', 'STOPPED', 'NEW']);

/** Short name of where an app comes from. */
export function sourceLabel(source: ListedApp['source']): string {
  const { kind, url, branch, template, fileName, image, endpoints } = source;
  switch (kind) {
    case 'GIT':
    case 'SVN':
      return [repositoryName(url ?? ''), branch].filter(Boolean).join(' @ ');
    case 'UPLOAD':
      return fileName ?? '';
    case 'IMAGE':
      return image ?? '';
    case 'TEMPLATE':
      return template ?? '';
    case 'EXTERNAL':
      return (endpoints ?? []).map(({ host, port }) => `${host}:${port}`).join(', ');
  }
}

/** One app in a list: state, source, version, pods, address. */
export function AppRow({ app }: { readonly app: ListedApp }): ReactNode {
  const t = useText(appText);
  const { currentVersion: version, activeOperation } = app;
  const isJob = app.run.workload === 'JOB' || app.run.workload === 'CRON_JOB';
  const url = isJob ? null : app.ports.find((port) => port.public && port.url)?.url;
  const off = !isStarted(app) && !activeOperation;
  return (
    <li className={styles['app']} data-testid={`app-${app.name}`}>
      <div className="truncate">
        <Link className={styles['name']} href={`/app?id=${app.id}`}>
          {app.displayName || app.name}
        </Link>
        <div className="faint small truncate">{sourceLabel(app.source)}</div>
      </div>
      <div className="small truncate soft">
        {version ? (
          <>
            <div className="truncate">
              <span style={{ color: 'var(--ink)', fontWeight: 550 }}>#{version.number}</span>{' '}
              {version.commitMessage ?? t('version', { number: version.number })}
            </div>
            <div className="faint truncate">
              {version.commitId && <code>{shortCommit(version.commitId)}</code>}{' '}
              {version.deployedAt && <RelativeTime at={version.deployedAt} />}
            </div>
          </>
        ) : (
          app.source.kind !== 'EXTERNAL' && t('noVersion')
        )}
      </div>
      <div>
        {!off && (
          <PodPips ready={app.readyReplicas} wanted={app.run.replicas} failed={app.state === 'FAILED'} />
        )}
      </div>
      <div style={{ textAlign: 'right' }}>
        <StateBadge state={app.state} />
        {url && !off && (
          <div className={`${styles['above']} small`} style={{ display: 'flex', justifyContent: 'flex-end' }}>
            <ExternalLink href={url} testId="app-url">
              {t('openApp')}
            </ExternalLink>
          </div>
        )}
      </div>
      {activeOperation && (
        <div style={{ gridColumn: '1 / -1', marginTop: 4 }}>
          <StepBar steps={activeOperation.steps} />
        </div>
      )}
      {app.stateReason && !quiet.has(app.state) && (
        <p className={`${styles['reason']} ${app.state === 'FAILED' ? styles['bad'] : ''}`}>
          {app.stateReason}
        </p>
      )}
    </li>
  );
}
