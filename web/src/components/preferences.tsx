'use client';

import { createContext, use, useCallback, useEffect, useMemo, useState } from 'react';
import type { ReactNode } from 'react';
import type { Language } from './text.ts';

export type ThemeChoice = 'system' | 'light' | 'dark';

interface Preferences {
  readonly themeChoice: ThemeChoice;
  /** What is shown: the choice, or what the system says. */
  readonly theme: 'light' | 'dark';
  readonly language: Language;
  readonly setThemeChoice: (choice: ThemeChoice) => void;
  readonly setLanguage: (language: Language) => void;
}

const PreferencesContext = createContext<Preferences | null>(null);

/**
 * Runs before the first paint, so that nothing flashes: the kept theme and language, else the system's and the
 * browser's.
 */
export const earlyScript = `(()=>{let s=localStorage,t=s.getItem('skyarc.theme'),l=s.getItem('skyarc.language');
let d=document.documentElement;if(t!=='dark'&&t!=='light')t=matchMedia('(prefers-color-scheme: dark)').matches?'dark':'light';
if(l!=='zh'&&l!=='en')l=navigator.language.startsWith('zh')?'zh':'en';d.dataset.theme=t;d.lang=l==='zh'?'zh-CN':'en'})()`;

interface PreferencesProviderProps {
  readonly children: ReactNode;
  readonly fallback: ReactNode;
}

/** Theme and language of this browser. Shows the fallback before they are known. */
export function PreferencesProvider({ children, fallback }: PreferencesProviderProps): ReactNode {
  const [themeChoice, setTheme] = useState<ThemeChoice>();
  const [systemDark, setSystemDark] = useState(false);
  const [language, setLanguageState] = useState<Language>('en');

  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)');
    const follow = (): void => setSystemDark(media.matches);
    follow();
    media.addEventListener('change', follow);
    const kept = localStorage.getItem('skyarc.theme');
    setTheme(kept === 'light' || kept === 'dark' ? kept : 'system');
    setLanguageState(document.documentElement.lang.startsWith('zh') ? 'zh' : 'en');
    return () => media.removeEventListener('change', follow);
  }, []);

  const theme = themeChoice === 'system' || !themeChoice ? (systemDark ? 'dark' : 'light') : themeChoice;
  useEffect(() => {
    if (themeChoice) document.documentElement.dataset['theme'] = theme;
  }, [themeChoice, theme]);

  const setThemeChoice = useCallback((choice: ThemeChoice) => {
    if (choice === 'system') localStorage.removeItem('skyarc.theme');
    else localStorage.setItem('skyarc.theme', choice);
    setTheme(choice);
  }, []);

  const setLanguage = useCallback((next: Language) => {
    localStorage.setItem('skyarc.language', next);
    document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en';
    setLanguageState(next);
  }, []);

  const value = useMemo(
    () => (themeChoice ? ({ themeChoice, theme, language, setThemeChoice, setLanguage } as const) : null),
    [themeChoice, theme, language, setThemeChoice, setLanguage],
  );
  if (!value) return fallback;
  return <PreferencesContext value={value}>{children}</PreferencesContext>;
}

export function usePreferences(): Preferences {
  const preferences = use(PreferencesContext);
  if (!preferences) throw new Error('usePreferences outside of PreferencesProvider');
  return preferences;
}
