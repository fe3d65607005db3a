import { Cron } from 'croner';

/** One part of a field: `*`, `?`, a value or a range, with a step; no more than Kubernetes documents. */
const part = /^([*?]|(\d+|[a-z]{3})(-(\d+|[a-z]{3}))?)(\/\d+)?$/i;
const macros: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** What is wrong with a schedule or its time zone, in a few words; undefined when nothing is. */
export function cronProblem(schedule: string, timeZone?: string): string | undefined {
  if (/^(CRON_)?TZ=/.test(schedule))
    return 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
  if (timeZone !== undefined && !isTimeZone(timeZone)) return `unknown time zone ${timeZone}`;
  try {
    open(schedule, timeZone);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function isTimeZone(name: string): boolean {
  // Intl takes offsets such as +01:00 too; a zone has a name.
  if (!/^[A-Za-z]/.test(name) || name.toLowerCase() === 'local') return false;
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}

/** The first time after the given one, in milliseconds; undefined when there is none. Throws for a bad schedule. */
export function nextCronTime(schedule: string, afterMs: number, timeZone?: string): number | undefined {
  return open(schedule, timeZone).nextRun(new Date(afterMs))?.getTime();
}

/** The last time at or before the given one, in milliseconds; undefined when there is none. */
export function lastCronTime(schedule: string, untilMs: number, timeZone?: string): number | undefined {
  return open(schedule, timeZone)
    .previousRuns(1, new Date(untilMs + 1_000))[0]
    ?.getTime();
}

function open(schedule: string, timeZone = 'Etc/UTC'): Cron {
  const text = macros[schedule.trim().toLowerCase()] ?? schedule.trim();
  if (text.startsWith('@')) throw new Error(`unrecognized descriptor: ${text}`);
  const fields = text.split(/\s+/);
  if (fields.length !== 5) throw new Error(`expected exactly 5 fields, found ${fields.length}: ${text}`);
  for (const field of fields) {
    if (!field.split(',').every((each) => part.test(each))) throw new Error(`failed to parse ${field}`);
  }
  const [, , day = '', , weekday = ''] = fields;
  if (/(^|[,-])7/.test(weekday)) throw new Error(`end of range (7) above maximum (6): ${weekday}`);
  // As in cron: with both days restricted either is enough; `*/n` does not count as a restriction.
  return new Cron(fields.join(' ').replaceAll('?', '*'), {
    timezone: timeZone,
    domAndDow: [day, weekday].some((field) => /^[*?]/.test(field)),
    mode: '5-part',
    sloppyRanges: true,
  });
}
