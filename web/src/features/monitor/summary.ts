import type { Language } from '../../components/text.ts';
import { alertText } from './alert-text.ts';

const { en, zh } = alertText;

function isKnown(name: string): name is keyof typeof en {
  return Object.hasOwn(en, name);
}

/** What an alert says, in the viewer's language where it comes of a default rule; an own rule's words stay. */
export function summaryIn(language: Language, name: string, summary: string): string {
  if (language === 'en' || !isKnown(name)) return summary || name;
  const values = patternOf(en[name]).exec(summary)?.groups;
  // An own rule may have the name of ours.
  if (!values) return summary || name;
  return zh[name].replaceAll(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}

/** What a default rule says, for whatever it is of; null for others. */
export function ruleIn(language: Language, name: string): string | null {
  return isKnown(name) ? alertText[language][name].replaceAll(/\{\w+\}/g, '…') : null;
}

function patternOf(template: string): RegExp {
  const escaped = template.replaceAll(/[.*+?^$()[\]\\|]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll(/\{(\w+)\}/g, '(?<$1>.*)')}$`, 's');
}
