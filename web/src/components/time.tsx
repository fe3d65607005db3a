'use client';

import { useSyncExternalStore } from 'react';
import type { ReactNode } from 'react';
import { duration, exactTime, relativeTime } from './format.ts';
import { usePreferences } from './preferences.tsx';

const listeners = new Set<() => void>();
let now = 0;
let timer: ReturnType<typeof setInterval> | undefined;

// One clock for the page, running only while something shows the time.
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const tell of listeners) tell();
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The present, in milliseconds, once a second. */
export function useNow(): number {
  return useSyncExternalStore(
    subscribe,
    () => (now ||= Date.now()),
    () => 0,
  );
}

/** A moment as `2 min ago`, exact on hover. */
export function RelativeTime({ at }: { readonly at: string }): ReactNode {
  const { language } = usePreferences();
  return (
    <time dateTime={at} title={exactTime(at, language)} style={{ whiteSpace: 'nowrap' }}>
      {relativeTime(at, useNow(), language)}
    </time>
  );
}

export interface ElapsedProps {
  readonly from: string;
  /** Null while it goes on. */
  readonly to: string | null;
}

/** How long something took, or takes until now. */
export function Elapsed({ from, to }: ElapsedProps): ReactNode {
  const present = useNow();
  const end = to ? Date.parse(to) : present;
  return <span style={{ fontVariantNumeric: 'tabular-nums' }}>{duration(end - Date.parse(from))}</span>;
}
