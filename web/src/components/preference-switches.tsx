'use client';

import { DesktopOutlined, MoonOutlined, SunOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import type { ReactNode } from 'react';
import { usePreferences } from './preferences.tsx';
import type { ThemeChoice } from './preferences.tsx';
import { defineMessages } from './text.ts';
import { useText } from './use-text.ts';

const text = defineMessages(
  { system: 'Theme: as the system', light: 'Theme: light', dark: 'Theme: dark', language: '切换到中文' },
  { system: '主题：跟随系统', light: '主题：浅色', dark: '主题：深色', language: 'Switch to English' },
);

const following: Readonly<Record<ThemeChoice, ThemeChoice>> = {
  system: 'light',
  light: 'dark',
  dark: 'system',
};
const icons = { system: <DesktopOutlined />, light: <SunOutlined />, dark: <MoonOutlined /> } as const;

/** Goes round: as the system, light, dark. */
export function ThemeSwitch(): ReactNode {
  const t = useText(text);
  const { themeChoice, setThemeChoice } = usePreferences();
  return (
    <Button
      type="text"
      icon={icons[themeChoice]}
      title={t(themeChoice)}
      aria-label={t(themeChoice)}
      data-testid="theme-switch"
      onClick={() => setThemeChoice(following[themeChoice])}
    />
  );
}

/** English or Chinese. */
export function LanguageSwitch(): ReactNode {
  const t = useText(text);
  const { language, setLanguage } = usePreferences();
  return (
    <Button
      type="text"
      title={t('language')}
      aria-label={t('language')}
      data-testid="language-switch"
      onClick={() => setLanguage(language === 'zh' ? 'en' : 'zh')}
    >
      {language === 'zh' ? 'EN' : '中文'}
    </Button>
  );
}
