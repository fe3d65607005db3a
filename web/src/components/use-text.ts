import { useMemo } from 'react';
import { usePreferences } from './preferences.tsx';
import { translator } from './text.ts';
import type { Messages, Translate } from './text.ts';

/** Messages of a feature in the chosen language. */
export function useText<English extends Readonly<Record<string, string>>>(
  messages: Messages<English>,
): Translate<English> {
  const { language } = usePreferences();
  return useMemo(() => translator(messages, language), [messages, language]);
}
