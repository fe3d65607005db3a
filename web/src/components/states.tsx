'use client';

import { Button } from 'antd';
import type { SkyarcError } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { commonText } from './common-text.ts';
import { Note } from './note.tsx';
import styles from './states.module.css';
import { useText } from './use-text.ts';

/** Grey lines in the shape of what comes. */
export function Skeleton({ rows = 4 }: { readonly rows?: number }): ReactNode {
  const t = useText(commonText);
  return (
    <div className={styles['bones']} role="status" aria-label={t('loading')}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className={styles['bone']} style={{ width: `${[92, 64, 78, 48, 84][row % 5]}%` }} />
      ))}
    </div>
  );
}

export interface EmptyProps {
  readonly title: string;
  readonly help?: ReactNode;
  readonly action?: ReactNode;
  readonly picture?: ReactNode;
}

/** A list without anything in it: what would be here, and how to begin. */
export function Empty({ title, help, action, picture }: EmptyProps): ReactNode {
  return (
    <div className={styles['empty']}>
      {picture}
      <h2>{title}</h2>
      {help && <p>{help}</p>}
      {action && <div className={styles['action']}>{action}</div>}
    </div>
  );
}

export interface LoadedProps<Data> {
  readonly state: {
    readonly data: Data | undefined;
    readonly error: SkyarcError | undefined;
    readonly reload: () => Promise<void>;
  };
  readonly rows?: number;
  readonly children: (data: Data) => ReactNode;
}

/** What a query gave: a skeleton, its error with a way on, or the content (with a note when a part is missing). */
export function Loaded<Data>({ state, rows = 4, children }: LoadedProps<Data>): ReactNode {
  const t = useText(commonText);
  const { data, error, reload } = state;
  const retry = (
    <Button size="small" onClick={() => void reload()}>
      {t('retry')}
    </Button>
  );
  if (data === undefined && !error) return <Skeleton rows={rows} />;
  if (data === undefined) {
    return (
      <div style={{ padding: 16 }}>
        <Note kind="error" title={t('failed')} action={retry}>
          {error?.message}
        </Note>
      </div>
    );
  }
  return (
    <>
      {error && (
        <div style={{ padding: '12px 16px' }}>
          <Note kind="warning" action={retry}>
            {t('partial', { message: error.message })}
          </Note>
        </div>
      )}
      {children(data)}
    </>
  );
}
