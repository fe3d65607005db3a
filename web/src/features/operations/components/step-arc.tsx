'use client';

import type { OperationFieldsFragment, OperationStatus } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { Elapsed } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { operationText } from '../text.ts';
import styles from './operations.module.css';

type Step = OperationFieldsFragment['steps'][number];

const width = 1_000;
const height = 44;

// A flat parabola, lowest at both ends.
function pointAt(share: number): { readonly x: number; readonly y: number } {
  return { x: share * width, y: height - 6 - 4 * (height - 14) * share * (1 - share) };
}

function arc(from: number, to: number): string {
  const points = Array.from({ length: 41 }, (_, index) => pointAt(from + ((to - from) * index) / 40));
  return points
    .map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join('');
}

const colors: Readonly<Record<OperationStatus, string>> = {
  QUEUED: 'var(--line-strong)',
  CANCELED: 'var(--line-strong)',
  RUNNING: '#e79a2f',
  SUCCEEDED: 'var(--petrol)',
  FAILED: 'var(--red)',
  TIMED_OUT: 'var(--red)',
};

/** The steps of an operation as stops on an arc: what is done, where it is, what comes. */
export function StepArc({ steps }: { readonly steps: readonly Step[] }): ReactNode {
  const t = useText(operationText);
  if (steps.length === 0) return null;
  const shareOf = (index: number): number => (index + 0.5) / steps.length;
  const reached = steps.findLastIndex(({ status }) => status !== 'QUEUED' && status !== 'CANCELED');
  return (
    <div className={styles['flight']}>
      <svg
        className={styles['path']}
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        fill="none"
        aria-hidden
      >
        <path
          d={arc(0, 1)}
          stroke="var(--line-strong)"
          strokeWidth="1.5"
          strokeDasharray="1 5"
          strokeLinecap="round"
          vectorEffect="non-scaling-stroke"
        />
        {reached >= 0 && (
          <path
            d={arc(0, shareOf(reached))}
            stroke="var(--petrol)"
            strokeWidth="2.5"
            strokeLinecap="round"
            vectorEffect="non-scaling-stroke"
          />
        )}
        {steps.map(({ name, status }, index) => {
          const { x, y } = pointAt(shareOf(index));
          // Strokes of no length with round ends stay round though the drawing is stretched.
          const dot = `M${x.toFixed(1)} ${y.toFixed(1)}h.01`;
          return (
            <g key={name} strokeLinecap="round">
              {status === 'RUNNING' && (
                <path
                  d={dot}
                  className={styles['beacon']}
                  stroke="#e79a2f"
                  strokeOpacity=".3"
                  strokeWidth="24"
                  vectorEffect="non-scaling-stroke"
                />
              )}
              <path d={dot} stroke="var(--surface)" strokeWidth="16" vectorEffect="non-scaling-stroke" />
              <path
                d={dot}
                stroke={colors[status]}
                strokeWidth={status === 'QUEUED' || status === 'CANCELED' ? 8 : 11}
                vectorEffect="non-scaling-stroke"
              />
            </g>
          );
        })}
      </svg>
      <ol className={styles['stops']}>
        {steps.map(({ name, status, startedAt, finishedAt, message }) => (
          <li
            key={name}
            className={styles['stop']}
            data-status={status}
            data-testid={`step-${name}`}
            title={message ?? undefined}
          >
            <span className="visually-hidden">{t(status)}: </span>
            {t(name)}
            <small>{startedAt ? <Elapsed from={startedAt} to={finishedAt} /> : '\u00A0'}</small>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** The same in little: one dash a step. */
export function StepBar({ steps }: { readonly steps: readonly Step[] }): ReactNode {
  return (
    <div className={styles['bar']} aria-hidden>
      {steps.map(({ name, status }) => (
        <span key={name} data-status={status} />
      ))}
    </div>
  );
}
