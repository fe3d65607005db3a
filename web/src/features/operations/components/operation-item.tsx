'use client';

import { Button } from 'antd';
import { isFinal } from '@skyarc/sdk';
import type { OperationFieldsFragment } from '@skyarc/sdk';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { Elapsed, RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { operationText } from '../text.ts';
import styles from './operations.module.css';
import { StatusGlyph } from './status-glyph.tsx';
import { StepBar } from './step-arc.tsx';

export interface OperationItemProps {
  readonly operation: OperationFieldsFragment;
  /** On the page of its own app the name says nothing. */
  readonly withoutApp?: boolean;
  readonly onNavigate?: () => void;
}

/** One operation in a list: what, of which app, how it goes or went. */
export function OperationItem({ operation, withoutApp, onNavigate }: OperationItemProps): ReactNode {
  const t = useText(operationText);
  const { id, kind, status, app, appName, build, version, actor, message, startedAt, createdAt, finishedAt } =
    operation;
  const open = !isFinal(status);
  const failed = status === 'FAILED' || status === 'TIMED_OUT';
  const current = operation.steps.find((step) => step.status === 'RUNNING');
  // That a version runs is said by the version beside the name.
  const sentence = status === 'SUCCEEDED' ? null : (message ?? current?.message);
  return (
    <li className={styles['item']} data-testid={`operation-${id}`} data-status={status}>
      <div className={styles['line']}>
        <StatusGlyph status={status} label={t(status)} />
        <span className="grow truncate">
          <strong style={{ fontWeight: 600 }}>{t(kind)}</strong>{' '}
          {!withoutApp &&
            (app ? (
              <Link href={`/app?id=${app.id}`} onClick={onNavigate}>
                {appName}
              </Link>
            ) : (
              appName
            ))}
          {version && <span className="faint"> {t('toVersion', { number: version.number })}</span>}
        </span>
        {open && <CancelButton operation={operation} />}
        {!open && build && app && (
          <Link
            className="small"
            href={`/app?id=${app.id}&tab=builds&build=${build.id}`}
            onClick={onNavigate}
          >
            {t('buildLog')}
          </Link>
        )}
      </div>
      {open && <StepBar steps={operation.steps} />}
      {sentence && <p className={`${styles['message']} ${failed ? styles['failed'] : ''}`}>{sentence}</p>}
      <div className={styles['meta']}>
        <span>{t('by', { actor })}</span>
        <span aria-hidden>·</span>
        <RelativeTime at={createdAt} />
        {startedAt && (
          <>
            <span aria-hidden>·</span>
            <Elapsed from={startedAt} to={finishedAt} />
          </>
        )}
        {open && build && app && (
          <Link href={`/app?id=${app.id}&tab=builds&build=${build.id}`} onClick={onNavigate}>
            {t('buildLog')}
          </Link>
        )}
      </div>
    </li>
  );
}

/** Asks an unfinished operation to stop. */
export function CancelButton({ operation }: { readonly operation: OperationFieldsFragment }): ReactNode {
  const t = useText(operationText);
  const { run, busy, error } = useAction(async () => await api().operations.cancel(operation.id));
  return (
    <>
      <ErrorNote error={error} />
      <Button
        size="small"
        loading={busy}
        disabled={operation.cancelRequested}
        title={t('cancelHelp')}
        data-testid="cancel-operation"
        onClick={() => void run()}
      >
        {operation.cancelRequested ? t('canceling') : t('cancel')}
      </Button>
    </>
  );
}
