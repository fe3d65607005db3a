'use client';

import { Button, Input } from 'antd';
import { useEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import type { TerminalState } from '@skyarc/sdk';
import { useText } from '../../../components/use-text.ts';
import type { DeskStart, DeskTerminal } from '../hooks/use-desk.ts';
import { useLine } from '../hooks/use-line.ts';
import type { Line } from '../hooks/use-line.ts';
import { useXterm } from '../hooks/use-xterm.ts';
import type { Screen } from '../hooks/use-xterm.ts';
import { terminalText } from '../text.ts';
import styles from './terminals.module.css';

interface TerminalSheetProps {
  readonly appId: string;
  readonly terminal: DeskTerminal;
  readonly isCurrent: boolean;
  readonly fontSize: number;
  readonly searching: boolean;
  readonly onSearching: (searching: boolean) => void;
  readonly onId: (key: string, id: string) => void;
  readonly onState: (key: string, state: TerminalState) => void;
  readonly onOpen: (start: DeskStart) => void;
  /** Set once the session can be ended from outside. */
  readonly closers: Map<string, () => void>;
}

/** One terminal: its screen, what is the matter with it, and how to go on. */
export function TerminalSheet(props: TerminalSheetProps): ReactNode {
  const { appId, terminal, isCurrent, fontSize, searching, onSearching, onState, closers } = props;
  const t = useText(terminalText);
  const { element, screen } = useXterm({ fontSize });
  const line = useLine(appId, terminal, { screen, onId: props.onId });
  const { state } = line;
  useFitting(screen, isCurrent, fontSize);
  useShortcuts(screen, onSearching);

  useEffect(() => onState(terminal.key, state), [terminal.key, state, onState]);
  useEffect(() => {
    closers.set(terminal.key, line.close);
    return () => void closers.delete(terminal.key);
  });
  useEffect(() => {
    if (isCurrent && !searching) screen?.xterm.focus();
  }, [isCurrent, screen, searching]);

  return (
    <div className={styles['sheet']} data-current={isCurrent} data-state={state} data-testid="terminal">
      <div
        ref={element}
        className={styles['screen']}
        aria-label={t('screen', { title: terminal.title })}
        data-testid="terminal-screen"
      />
      {searching && isCurrent && screen && <SearchBar screen={screen} onDone={() => onSearching(false)} />}
      <StatusBar line={line} onDebug={() => props.onOpen({ ...terminal.start, debug: true })} />
    </div>
  );
}

function StatusBar({ line, onDebug }: { readonly line: Line; readonly onDebug: () => void }): ReactNode {
  const t = useText(terminalText);
  const { state, ending, hint, recording } = line;
  if (ending) {
    const said =
      ending.end === 'EXITED'
        ? ending.exitCode === null
          ? t('EXITED_UNKNOWN')
          : t('EXITED', { code: ending.exitCode })
        : t(endings.find((one) => one === ending.end) ?? 'FAILED');
    return (
      <div className={styles['bar']} data-kind="ended" role="status" data-testid="terminal-ended">
        <strong style={{ fontWeight: 560 }}>{said}</strong>
        {ending.message && <span>{ending.message}</span>}
        <span className="grow" />
        {ending.reason === 'NO_SHELL' && (
          <Button size="small" type="primary" onClick={onDebug} data-testid="terminal-debug">
            {t('openDebug')}
          </Button>
        )}
        {ending.end !== 'REVOKED' && (
          <Button size="small" onClick={line.again} data-testid="terminal-again">
            {t('again')}
          </Button>
        )}
      </div>
    );
  }
  const busy = state === 'lost' ? t('lost') : state === 'connecting' ? (hint ?? t('connecting')) : hint;
  if (!busy && !recording) return null;
  return (
    <div className={styles['bar']} data-kind={state} role="status" data-testid="terminal-status">
      {recording && <span className={styles['rec']}>{t('recording')}</span>}
      {busy}
    </div>
  );
}

const endings = ['CLOSED', 'IDLE', 'ABANDONED', 'REVOKED', 'SHUT_DOWN', 'FAILED'] as const;

function SearchBar({ screen, onDone }: { readonly screen: Screen; readonly onDone: () => void }): ReactNode {
  const t = useText(terminalText);
  const [isFound, setFound] = useState(true);
  const find = (text: string, back: boolean): void => {
    const found = back ? screen.search.findPrevious(text) : screen.search.findNext(text);
    setFound(text === '' || found);
  };
  return (
    <div className={styles['bar']}>
      <Input
        autoFocus
        size="small"
        style={{ width: 260 }}
        placeholder={t('search')}
        aria-label={t('search')}
        status={isFound ? '' : 'error'}
        data-testid="terminal-search"
        onChange={({ target: { value } }) => find(value, false)}
        onKeyDown={({ key, shiftKey, currentTarget: { value } }) => {
          if (key === 'Enter') find(value, !shiftKey);
          if (key === 'Escape') onDone();
        }}
      />
      {!isFound && <span>{t('noMatch')}</span>}
    </div>
  );
}

/** The screen takes the room that there is. */
function useFitting(screen: Screen | null, isCurrent: boolean, fontSize: number): void {
  const frame = useRef(0);
  useEffect(() => {
    const element = screen?.xterm.element?.parentElement;
    if (!screen || !element || !isCurrent) return;
    const fit = (): void => {
      cancelAnimationFrame(frame.current);
      frame.current = requestAnimationFrame(() => screen.fit.fit());
    };
    const observer = new ResizeObserver(fit);
    observer.observe(element);
    fit();
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame.current);
    };
  }, [screen, isCurrent, fontSize]);
}

/** What a terminal of the desktop does with Ctrl+Shift; everything else goes to the process. */
function useShortcuts(screen: Screen | null, onSearching: (searching: boolean) => void): void {
  useEffect(() => {
    screen?.xterm.attachCustomKeyEventHandler((event) => {
      if (event.type !== 'keydown' || !event.ctrlKey || !event.shiftKey) return true;
      if (event.code === 'KeyC') {
        void navigator.clipboard?.writeText(screen.xterm.getSelection());
      } else if (event.code === 'KeyF') onSearching(true);
      else return event.code !== 'KeyV';
      event.preventDefault();
      return false;
    });
  }, [screen, onSearching]);
}
