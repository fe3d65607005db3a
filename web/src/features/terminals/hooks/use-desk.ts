'use client';

import { useCallback, useEffect, useState } from 'react';

/** What a terminal was opened with. */
export interface DeskStart {
  readonly pod: string;
  readonly container: string;
  readonly command?: readonly string[];
  readonly debug?: boolean;
  readonly record?: boolean;
}

/** One open terminal; `id` is its session's once it has one. */
export interface DeskTerminal {
  readonly key: string;
  readonly title: string;
  readonly start: DeskStart;
  readonly id?: string;
}

interface Desk {
  readonly terminals: readonly DeskTerminal[];
  /** Key of the one in sight; null shows the form. */
  readonly current: string | null;
}

const empty: Desk = { terminals: [], current: null };

/** The open terminals of an app, kept for this browser tab so that a reload finds them again. */
export function useDesk(appId: string) {
  const storageKey = `skyarc.terminals.${appId}`;
  const [desk, setDesk] = useState<Desk>(() => restore(storageKey));

  useEffect(() => {
    sessionStorage.setItem(storageKey, JSON.stringify(desk));
  }, [storageKey, desk]);

  const open = useCallback((start: DeskStart) => {
    const key = crypto.getRandomValues(new Uint32Array(2)).join('-');
    const what = start.command?.[0] ?? (start.debug ? 'debug' : start.container);
    const title = `${start.pod.split('-').at(-1)} · ${what}`;
    setDesk(({ terminals }) => ({ terminals: [...terminals, { key, title, start }], current: key }));
  }, []);
  const close = useCallback((key: string) => {
    setDesk(({ terminals, current }) => {
      const left = terminals.filter((one) => one.key !== key);
      return { terminals: left, current: current === key ? (left.at(-1)?.key ?? null) : current };
    });
  }, []);
  const show = useCallback((current: string | null) => setDesk((old) => ({ ...old, current })), []);
  const name = useCallback((key: string, id: string) => {
    setDesk((old) => ({
      ...old,
      terminals: old.terminals.map((one) => (one.key === key ? { ...one, id } : one)),
    }));
  }, []);
  return { ...desk, open, close, show, name };
}

function restore(storageKey: string): Desk {
  try {
    return JSON.parse(sessionStorage.getItem(storageKey) ?? '') as Desk;
  } catch {
    return empty;
  }
}
