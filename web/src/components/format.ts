import type { Language } from './text.ts';

const locales: Readonly<Record<Language, string>> = { en: 'en-GB', zh: 'zh-CN' };

const steps: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number])[] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** `2 min ago`; `now` below five seconds. */
export function relativeTime(at: string, now: number, language: Language): string {
  const seconds = Math.round((Date.parse(at) - now) / 1_000);
  const format = new Intl.RelativeTimeFormat(locales[language], { numeric: 'auto', style: 'short' });
  if (Math.abs(seconds) < 5) return format.format(0, 'second');
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(seconds, 'second');
}

/** Date and time to the second, in the reader's zone. */
export function exactTime(at: string, language: Language): string {
  return new Intl.DateTimeFormat(locales[language], { dateStyle: 'medium', timeStyle: 'medium' }).format(
    new Date(at),
  );
}

/** `0.4 s`, `12 s`, `3 min 05 s`, `2 h 14 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** Decimal units, as registries count: `74.2 MB`. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Memory in binary megabytes as people say it: `512 MB`, `1.5 GB`. */
export function memory(mb: number): string {
  if (mb < 1_024) return `${mb} MB`;
  const gb = mb / 1_024;
  return `${Number.isInteger(gb) ? gb : gb.toFixed(1)} GB`;
}

/** Thousandths of a core as cores: `0.5`, `2`. */
export function cores(millis: number): string {
  return String(Math.round(millis / 10) / 100);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `10:04:07.123` in the reader's zone, for log lines. */
export function clock(at: string): string {
  const date = new Date(at);
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

/** The short form of a commit id. */
export function shortCommit(commitId: string): string {
  return commitId.slice(0, 7);
}

/** `blue/shop` from any form of a repository's address. */
export function repositoryName(url: string): string {
  const path = url.replace(/^[a-z+]+:\/\/[^/]*\//, '').replace(/^[^@/]+@[^:/]+:/, '');
  return path
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .split('/')
    .slice(-2)
    .join('/');
}
