'use client';

import type { AppState } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import { appText } from '../text.ts';
import styles from './apps.module.css';

const colors: Readonly<Record<AppState, string>> = {
  NEW: 'var(--ink-faint)',
  STARTING: 'var(--amber)',
  RUNNING: 'var(--green)',
  UPDATING: 'var(--amber)',
  DEGRADED: 'var(--amber)',
  FAILED: 'var(--red)',
  STOPPING: 'var(--ink-faint)',
  STOPPED: 'var(--ink-faint)',
  DELETING: 'var(--red)',
};

const moving: ReadonlySet<AppState> = new Set<AppState>(['STARTING', 'UPDATING', 'STOPPING', 'DELETING']);

/** The sign of a state: each has a form of its own beside its colour. */
function StateSign({ state }: { readonly state: AppState }): ReactNode {
  const dim = { stroke: 'currentColor', strokeWidth: 2, fill: 'none' } as const;
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden>
      {moving.has(state) && (
        <>
          <circle cx="8" cy="8" r="3" fill="currentColor" />
          <circle
            className={styles['moving']}
            cx="8"
            cy="8"
            r="6"
            {...dim}
            strokeWidth="1.6"
            strokeDasharray="12 26"
            strokeLinecap="round"
          />
        </>
      )}
      {state === 'RUNNING' && <circle cx="8" cy="8" r="4.5" fill="currentColor" />}
      {state === 'DEGRADED' && (
        <>
          <circle cx="8" cy="8" r="4.6" {...dim} />
          <path d="M8 3.4a4.6 4.6 0 0 1 0 9.2z" fill="currentColor" />
        </>
      )}
      {state === 'FAILED' && <path d="M8 2.6l6 10.6H2z" fill="currentColor" strokeLinejoin="round" />}
      {state === 'STOPPED' && <rect x="4" y="4" width="8" height="8" rx="1.5" {...dim} />}
      {state === 'NEW' && <circle cx="8" cy="8" r="4.6" {...dim} strokeDasharray="2.2 2.2" />}
    </svg>
  );
}

/** The state of an app in sign and word. */
export function StateBadge({
  state,
  pill,
}: {
  readonly state: AppState;
  readonly pill?: boolean;
}): ReactNode {
  const t = useText(appText);
  return (
    <span
      className={`${styles['badge']} ${pill ? styles['pill'] : ''}`}
      style={{ color: colors[state] }}
      data-testid="app-state"
      data-state={state}
    >
      <StateSign state={state} />
      {t(state)}
    </span>
  );
}

export interface PodPipsProps {
  readonly ready: number;
  readonly wanted: number;
  readonly failed?: boolean;
}

/** Pods as little lamps: lit when ready. */
export function PodPips({ ready, wanted, failed }: PodPipsProps): ReactNode {
  const t = useText(appText);
  const label = t('podsReady', { ready, wanted });
  if (wanted > 10) return <span className="small">{label}</span>;
  return (
    <span className={styles['pips']} role="img" aria-label={label} title={label}>
      {Array.from({ length: Math.max(wanted, ready) }, (_, index) => (
        <i key={index} data-ready={index < ready} data-failed={failed && index >= ready} />
      ))}
    </span>
  );
}
