import type { SkyarcError } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import styles from './note.module.css';

export interface NoteProps {
  readonly kind: 'error' | 'warning' | 'info' | 'success';
  readonly title?: ReactNode;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
  readonly testId?: string;
}

const signs = {
  error: 'M8 4.5v4.2M8 11.2v.1',
  warning: 'M8 4.5v4.2M8 11.2v.1',
  info: 'M8 7.3v4.2M8 4.7v.1',
  success: 'M5 8.2l2.1 2.1L11 6.2',
} as const;

/** A sentence that must be seen, beside what it is about. */
export function Note({ kind, title, children, action, testId }: NoteProps): ReactNode {
  const live = kind === 'error' ? 'alert' : 'status';
  return (
    <div className={`${styles['note']} ${styles[kind]}`} role={live} data-testid={testId}>
      <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" aria-hidden>
        <circle cx="8" cy="8" r="6.8" strokeWidth="1.4" />
        <path d={signs[kind]} strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />
      </svg>
      <div className={styles['body']}>
        {title && <div className={styles['title']}>{title}</div>}
        {children}
      </div>
      {action}
    </div>
  );
}

/** Why an action failed, in the API's own sentence; nothing without an error. */
export function ErrorNote({
  error,
  title,
}: {
  readonly error: SkyarcError | undefined;
  readonly title?: ReactNode;
}): ReactNode {
  if (!error) return null;
  return (
    <Note kind="error" title={title} testId="error-note">
      {error.message}
    </Note>
  );
}
