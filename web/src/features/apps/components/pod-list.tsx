'use client';

import type { AppFieldsFragment } from '@skyarc/sdk';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { appText } from '../text.ts';
import styles from './apps.module.css';

/** Pods of an app: ready or what holds them up, restarts, last end. */
export function PodList({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(appText);
  const { mayDevelop } = useTeam();
  if (app.pods.length === 0)
    return (
      <p className="soft" style={{ padding: 16 }}>
        {t('noPods')}
      </p>
    );
  return (
    <ul>
      {app.pods.map(({ name, ready, status, restarts, node, startedAt, lastEnd, versionId }) => (
        <li key={name} className={styles['pod']} data-testid="pod" data-ready={ready}>
          <span className={styles['pips']} aria-hidden>
            <i data-ready={ready} data-failed={!ready && restarts > 0} />
          </span>
          <span className="truncate">
            <code>{name}</code>{' '}
            {versionId && versionId === app.currentVersion?.id && (
              <span className="faint small">#{app.currentVersion.number}</span>
            )}
          </span>
          <span className="small" style={{ color: ready ? 'var(--green)' : 'var(--amber)', fontWeight: 550 }}>
            {ready && status === 'Running' ? t('RUNNING') : status}
          </span>
          <span />
          <span className="faint small row wrap" style={{ gap: '0 8px' }}>
            {startedAt && <RelativeTime at={startedAt} />}
            {node && <span>{t('node', { node })}</span>}
          </span>
          <span className="faint small" style={{ textAlign: 'right' }}>
            {restarts > 0 && t('restarts', { n: restarts })}
            {mayDevelop && (
              <>
                {' '}
                <Link href={`/app?id=${app.id}&tab=terminal&pod=${name}`} data-testid="pod-terminal">
                  {t('openTerminal')}
                </Link>
              </>
            )}
          </span>
          {lastEnd && <p>{lastEnd}</p>}
        </li>
      ))}
    </ul>
  );
}
