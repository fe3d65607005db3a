'use client';

import type { Terminal, TerminalEnding, TerminalState } from '@skyarc/sdk';
import { useEffect, useRef, useState } from 'react';
import { api } from '../../../components/api.ts';
import { bytes as sizeOf } from '../../../components/format.ts';
import { useText } from '../../../components/use-text.ts';
import { terminalText } from '../text.ts';
import type { DeskTerminal } from './use-desk.ts';
import type { Screen } from './use-xterm.ts';

export interface Line {
  readonly state: TerminalState;
  readonly ending: TerminalEnding | null;
  /** What is waited for, or what happened, in one sentence. */
  readonly hint: string | null;
  readonly recording: boolean;
  /** Begins another session of the same kind. */
  readonly again: () => void;
  /** Ends the session. */
  readonly close: () => void;
}

/** Joins a screen and its terminal over there, while both are wanted. */
export function useLine(
  appId: string,
  { key, start, id }: DeskTerminal,
  options: { readonly screen: Screen | null; readonly onId: (key: string, id: string) => void },
): Line {
  const t = useText(terminalText);
  const { screen, onId } = options;
  const [state, setState] = useState<TerminalState>('connecting');
  const [ending, setEnding] = useState<TerminalEnding | null>(null);
  const [hint, setHint] = useState<string | null>(null);
  const [recording, setRecording] = useState(false);
  const [round, setRound] = useState(0);
  const line = useRef<Terminal | undefined>(undefined);
  const latest = useRef({ t, onId, start, id });
  useEffect(() => {
    latest.current = { t, onId, start, id };
  });

  useEffect(() => {
    if (!screen) return;
    const { xterm, fit } = screen;
    fit.fit();
    const { start: how, id: session } = latest.current;
    const terminal = api().terminals.open(
      {
        appId,
        ...how,
        command: how.command ? [...how.command] : null,
        cols: xterm.cols,
        rows: xterm.rows,
        ...(session !== undefined && round === 0 && { id: session }),
      },
      {
        onOutput: (bytes, shown) => xterm.write(bytes, shown),
        onClear: () => xterm.reset(),
        onState: setState,
        onEnd: setEnding,
        onEvent: (event) => {
          const { t: say } = latest.current;
          if (event.type === 'ready') {
            setRecording(event.recording);
            setHint(null);
            if (terminal.id) latest.current.onId(key, terminal.id);
          } else if (event.type === 'gap') {
            xterm.write(`\r\n\u001b[7m${say('gap', { bytes: sizeOf(event.bytes) })}\u001b[0m\r\n`);
          } else if (event.type === 'opening') setHint(event.message);
          else if (event.type === 'idle')
            setHint(say('idle', { seconds: Math.ceil(event.endsInMs / 1_000) }));
          else if (event.type === 'restarted') xterm.write(`\r\n\u001b[2m${say('restarted')}\u001b[0m\r\n`);
          else setHint(say('recordingFull'));
        },
      },
    );
    line.current = terminal;
    const typed = [
      xterm.onData((data) => {
        setHint(null);
        terminal.type(data);
      }),
      xterm.onBinary((data) => terminal.type(Uint8Array.from(data, (one) => one.charCodeAt(0)))),
      xterm.onResize(({ cols, rows }) => terminal.resize(cols, rows)),
    ];
    return () => {
      for (const one of typed) one.dispose();
      terminal.detach();
      line.current = undefined;
    };
  }, [appId, key, screen, round]);

  return {
    state,
    ending,
    hint,
    recording,
    again: () => {
      setEnding(null);
      setHint(null);
      setState('connecting');
      screen?.xterm.reset();
      setRound((old) => old + 1);
    },
    close: () => line.current?.close(),
  };
}
