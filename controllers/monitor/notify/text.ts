import type { AlertLanguage } from '@skyarc/sdk/alerts';
import type { NotifiedAlert, ToldNotification } from './notification.ts';
import { stateOf, wordsOf } from './words.ts';

/** One line that says what is the matter: a mail's subject. */
export function titleOf({ alerts, language }: ToldNotification): string {
  const words = wordsOf(language);
  const firing = alerts.filter(({ isFiring }) => isFiring);
  const [first] = firing.length > 0 ? firing : alerts;
  if (!first) return words.none;
  const more = (firing.length || alerts.length) - 1;
  const others = more > 0 ? words.more.replace('{n}', String(more)) : '';
  return oneLine(`[${stateOf(first, language)}] ${first.summary}${others}`);
}

/** All alerts, one a paragraph. */
export function textOf({ alerts, language }: ToldNotification): string {
  return alerts.map((alert) => paragraphOf(alert, language)).join('\n\n');
}

/** The same as Markdown, at most so many bytes of UTF-8. */
export function markdownOf(notification: ToldNotification, maxBytes: number): string {
  const lines = notification.alerts.map(
    (alert) => `- **${stateOf(alert, notification.language)}** ${escapeMarkdown(oneLine(alert.summary))}`,
  );
  return truncate(`### ${escapeMarkdown(titleOf(notification))}\n${lines.join('\n')}`, maxBytes);
}

/** Cuts at a whole character. */
export function truncate(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  let cut = Buffer.from(text)
    .subarray(0, maxBytes - 4)
    .toString('utf8');
  while (cut.endsWith('\u{FFFD}')) cut = cut.slice(0, -1);
  return `${cut}…`;
}

function paragraphOf(alert: NotifiedAlert, language: AlertLanguage): string {
  const { summary, labels, startedAt, endedAt } = alert;
  const { since, until } = wordsOf(language);
  const shown = Object.entries(labels).filter(([name]) => !['severity', 'app'].includes(name));
  return [
    `${stateOf(alert, language)}: ${oneLine(summary)}`,
    `${since}${startedAt.toISOString()}${endedAt ? `${until}${endedAt.toISOString()}` : ''}`,
    ...shown.map(([name, value]) => `  ${name}: ${oneLine(value)}`),
  ].join('\n');
}

// Summaries can carry what an app's owner wrote: no header, no line of ours may begin in it.
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>#|]/g, (sign) => `\\${sign}`);
}
