import { alertTexts } from './texts.ts';

export type AlertLanguage = keyof typeof alertTexts;
export type AlertTextName = keyof (typeof alertTexts)['en'];

/** One of Skyarc's own alerts in words; names in braces are replaced. */
export function alertText(
  language: AlertLanguage,
  name: AlertTextName,
  values: Readonly<Record<string, string>>,
): string {
  return alertTexts[language][name].replaceAll(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}

/**
 * What an alert said, in another language where it is one of Skyarc's own and said in its English; else as it was
 * said, or its name where it said nothing.
 */
export function summaryIn(language: AlertLanguage, name: string, summary: string): string {
  if (language === 'en') return summary || name;
  for (const known of [name, `${name}Ended`]) {
    if (!isKnown(known)) continue;
    // An own rule may have the name of ours.
    const values = patternOf(alertTexts.en[known]).exec(summary);
    if (values) return alertText(language, known, values.groups ?? {});
  }
  return summary || name;
}

/** What one of Skyarc's own rules says, for whatever it is of; null for others. */
export function ruleIn(language: AlertLanguage, name: string): string | null {
  return isKnown(name) ? alertTexts[language][name].replaceAll(/\{\w+\}/g, '…') : null;
}

function isKnown(name: string): name is AlertTextName {
  return Object.hasOwn(alertTexts.en, name);
}

function patternOf(template: string): RegExp {
  const escaped = template.replaceAll(/[.*+?^$()[\]\\|]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll(/\{(\w+)\}/g, '(?<$1>.*)')}$`, 's');
}
