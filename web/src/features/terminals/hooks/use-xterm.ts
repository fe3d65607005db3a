'use client';

import type { FitAddon } from '@xterm/addon-fit';
import type { SearchAddon } from '@xterm/addon-search';
import type { Terminal as Xterm } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef, useState } from 'react';
import type { RefObject } from 'react';
import { palettes } from '../../../components/palette.ts';
import { usePreferences } from '../../../components/preferences.tsx';
import { monospace } from '../../../components/theme.ts';

export interface Screen {
  readonly xterm: Xterm;
  readonly fit: FitAddon;
  readonly search: SearchAddon;
}

const scrollbackLines = 5_000;

/** A terminal screen in the element, once it is loaded; in the page's colours. */
export function useXterm(options: { readonly fontSize: number; readonly readOnly?: boolean }): {
  readonly element: RefObject<HTMLDivElement | null>;
  readonly screen: Screen | null;
} {
  const element = useRef<HTMLDivElement>(null);
  const [screen, setScreen] = useState<Screen | null>(null);
  const { theme } = usePreferences();
  const { fontSize, readOnly = false } = options;
  const first = useRef({ fontSize, readOnly, theme });

  useEffect(() => {
    let made: Xterm | undefined;
    let isGone = false;
    void (async () => {
      const [{ Terminal }, { FitAddon: Fit }, { SearchAddon: Search }] = await Promise.all([
        import('@xterm/xterm'),
        import('@xterm/addon-fit'),
        import('@xterm/addon-search'),
      ]);
      if (isGone || !element.current) return;
      const start = first.current;
      made = new Terminal({
        fontFamily: monospace,
        fontSize: start.fontSize,
        lineHeight: 1.15,
        cursorBlink: !start.readOnly,
        disableStdin: start.readOnly,
        scrollback: scrollbackLines,
        theme: colours(start.theme),
        allowProposedApi: true,
        macOptionIsMeta: true,
        screenReaderMode: false,
      });
      const fit = new Fit();
      const search = new Search();
      made.loadAddon(fit);
      made.loadAddon(search);
      made.open(element.current);
      setScreen({ xterm: made, fit, search });
    })();
    return () => {
      isGone = true;
      made?.dispose();
      setScreen(null);
    };
  }, []);

  useEffect(() => {
    if (!screen) return;
    screen.xterm.options.theme = colours(theme);
    screen.xterm.options.fontSize = fontSize;
  }, [screen, theme, fontSize]);

  return { element, screen };
}

function colours(name: 'light' | 'dark') {
  const { logPage, logInk, petrol, petrolSoft, red, green, amber, blue, inkFaint } = palettes[name];
  return {
    background: logPage,
    foreground: logInk,
    cursor: petrol,
    cursorAccent: logPage,
    selectionBackground: petrolSoft,
    red,
    green,
    yellow: amber,
    blue,
    brightBlack: inkFaint,
    ...(name === 'light' && {
      white: '#5d6a66',
      brightWhite: '#38433f',
      brightYellow: amber,
      brightGreen: green,
    }),
  };
}
