import type { OperationStatus } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import styles from './operations.module.css';

const colors: Readonly<Record<OperationStatus, string>> = {
  QUEUED: 'var(--ink-faint)',
  RUNNING: 'var(--amber)',
  SUCCEEDED: 'var(--green)',
  FAILED: 'var(--red)',
  CANCELED: 'var(--ink-faint)',
  TIMED_OUT: 'var(--red)',
};

const marks: Readonly<Record<Exclude<OperationStatus, 'RUNNING'>, string>> = {
  QUEUED: 'M8 4.8V8l2 1.4',
  SUCCEEDED: 'M5 8.2l2.1 2.1L11 6.2',
  FAILED: 'M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4',
  CANCELED: 'M5 8h6',
  TIMED_OUT: 'M8 4.6v4M8 11v.1',
};

/** The status of an operation, build or step: a form and a colour, so that neither is needed alone. */
export function StatusGlyph({
  status,
  label,
}: {
  readonly status: OperationStatus;
  readonly label?: string;
}): ReactNode {
  return (
    <span
      className={styles['glyph']}
      style={{ color: colors[status] }}
      role="img"
      aria-label={label}
      aria-hidden={!label}
    >
      <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeLinecap="round">
        {status === 'RUNNING' ? (
          <>
            <circle cx="8" cy="8" r="6.4" strokeWidth="1.8" strokeOpacity=".25" />
            <path className={styles['turning']} d="M8 1.6a6.4 6.4 0 0 1 6.4 6.4" strokeWidth="1.8" />
          </>
        ) : (
          <>
            <circle
              cx="8"
              cy="8"
              r="6.6"
              strokeWidth="1.5"
              strokeDasharray={status === 'QUEUED' ? '2 2.6' : undefined}
            />
            <path d={marks[status]} strokeWidth="1.6" strokeLinejoin="round" />
          </>
        )}
      </svg>
    </span>
  );
}
