import type { AlertLanguage } from '@skyarc/sdk/alerts';
import type { NotifiedAlert } from './notification.ts';

/** What mails and robots say around an alert's own words; `{n}` is a number. */
const words = {
  en: {
    RESOLVED: 'RESOLVED',
    CRITICAL: 'CRITICAL',
    WARNING: 'WARNING',
    INFO: 'INFO',
    more: ' and {n} more',
    since: 'since ',
    until: ' until ',
    none: 'Skyarc: no alerts',
  },
  zh: {
    RESOLVED: '已恢复',
    CRITICAL: '严重',
    WARNING: '警告',
    INFO: '提示',
    more: '，另有 {n} 条',
    since: '开始于 ',
    until: '，结束于 ',
    none: 'Skyarc：没有告警',
  },
} as const satisfies Record<AlertLanguage, object>;

export function wordsOf(language: AlertLanguage): (typeof words)[AlertLanguage] {
  return words[language];
}

/** How much an alert matters, or that it is over. */
export function stateOf({ isFiring, severity }: NotifiedAlert, language: AlertLanguage): string {
  const own: Readonly<Record<string, string>> = words[language];
  return isFiring ? (own[severity] ?? severity) : words[language].RESOLVED;
}
