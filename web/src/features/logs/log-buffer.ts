import type { LogLine } from '@skyarc/sdk';

/** What was skipped between two cursors because the reader was too slow. */
export interface LogGapRow {
  readonly gap: { readonly from: string; readonly to: string };
}

export type LogRow = LogLine | LogGapRow;

export type LevelFilter = 'all' | 'warnings' | 'errors';

export interface LogFilter {
  /** Compared without regard to case. */
  readonly text: string;
  readonly pod: string | null;
  readonly level: LevelFilter;
}

export const noFilter: LogFilter = { text: '', pod: null, level: 'all' };

/** The severity that a level's name stands for, whoever named it. */
export function severityOf(level: string): 'debug' | 'info' | 'warning' | 'error' {
  const name = level.toLowerCase();
  if (/^(fatal|panic|crit|alert|emerg|err)/.test(name)) return 'error';
  if (name.startsWith('warn')) return 'warning';
  return /^(debug|trace)/.test(name) ? 'debug' : 'info';
}

/** Pod (or service) that wrote a line: the source up to the container. */
export function podOf(source: string): string {
  const slash = source.indexOf('/');
  return slash < 0 ? source : source.slice(0, slash);
}

/**
 * The lines that a page holds of one log, oldest first, at most `capacity` (older ones are dropped and can be read
 * again). Appending and filtering cost only the new lines. Not a React store: `LogView` redraws it once a frame.
 */
export class LogBuffer {
  readonly #capacity: number;
  #rows: LogRow[] = [];
  #shown: LogRow[] = [];
  #filter: LogFilter = noFilter;
  readonly #pods = new Set<string>();
  /** True when older lines exist in the store. */
  hasOlder = false;
  /** Goes up at each change. */
  revision = 0;

  constructor(capacity = 50_000) {
    this.#capacity = capacity;
  }

  /** All rows, whatever the filter. */
  get size(): number {
    return this.#rows.length;
  }

  /** Rows that the filter lets through. */
  get shown(): readonly LogRow[] {
    return this.#shown;
  }

  /** Pods that wrote something, in order of their first line. */
  get pods(): readonly string[] {
    return [...this.#pods];
  }

  /** Cursor of the oldest line held; undefined when empty. */
  get oldest(): string | undefined {
    const first = this.#rows.find((row): row is LogLine => !('gap' in row));
    return first?.cursor;
  }

  /** Adds newer rows; lines not newer than the newest held are left out, so that a repeated tail does no harm. */
  append(lines: readonly LogLine[], gap?: LogGapRow['gap'] | null): void {
    const fresh: LogRow[] = gap ? [{ gap }] : [];
    const newest = this.#newest();
    const known = newest === undefined ? undefined : lines.findIndex(({ cursor }) => cursor === newest);
    for (const line of known === undefined ? lines : lines.slice(known + 1)) fresh.push(line);
    if (fresh.length === 0) return;
    this.#take(fresh);
    for (const row of fresh) this.#rows.push(row);
    for (const row of this.#matching(fresh)) this.#shown.push(row);
    this.#trim();
    this.revision += 1;
  }

  /** Adds an older page; returns how many of its rows are shown. */
  prepend(lines: readonly LogLine[], hasOlder: boolean): number {
    this.#take(lines);
    this.#rows = [...lines, ...this.#rows];
    const matching = this.#matching(lines);
    this.#shown = [...matching, ...this.#shown];
    this.hasOlder = hasOlder;
    this.revision += 1;
    return matching.length;
  }

  /** Puts the skipped lines in place of their mark. */
  fill(gap: LogGapRow, lines: readonly LogLine[]): void {
    const at = this.#rows.indexOf(gap);
    if (at < 0) return;
    this.#take(lines);
    this.#rows = [...this.#rows.slice(0, at), ...lines, ...this.#rows.slice(at + 1)];
    this.#shown = this.#matching(this.#rows);
    this.revision += 1;
  }

  /** Marks lines that are still missing behind a line. */
  markGap(behind: LogLine, gap: LogGapRow['gap']): void {
    const at = this.#rows.indexOf(behind);
    if (at < 0) return;
    this.#rows = this.#rows.toSpliced(at + 1, 0, { gap });
    this.#shown = this.#matching(this.#rows);
    this.revision += 1;
  }

  filter(filter: LogFilter): void {
    this.#filter = filter;
    this.#shown = this.#matching(this.#rows);
    this.revision += 1;
  }

  clear(): void {
    this.#rows = [];
    this.#shown = [];
    this.#pods.clear();
    this.hasOlder = false;
    this.revision += 1;
  }

  #newest(): string | undefined {
    const last = this.#rows.at(-1);
    return last && !('gap' in last) ? last.cursor : undefined;
  }

  #take(rows: readonly LogRow[]): void {
    for (const row of rows) if (!('gap' in row)) this.#pods.add(podOf(row.source));
  }

  #matching(rows: readonly LogRow[]): LogRow[] {
    const { text, pod, level } = this.#filter;
    if (!text && !pod && level === 'all') return [...rows];
    const wanted = text.toLowerCase();
    return rows.filter((row) => {
      if ('gap' in row) return true;
      if (pod && podOf(row.source) !== pod) return false;
      if (level !== 'all') {
        const severity = severityOf(row.level);
        if (severity !== 'error' && (level === 'errors' || severity !== 'warning')) return false;
      }
      return !wanted || row.text.toLowerCase().includes(wanted);
    });
  }

  // A tenth is dropped at once, so that a full buffer does not copy itself at every line.
  #trim(): void {
    if (this.#rows.length <= this.#capacity) return;
    const dropped = new Set(this.#rows.splice(0, this.#rows.length - Math.floor(this.#capacity * 0.9)));
    this.#shown = this.#shown.filter((row) => !dropped.has(row));
    this.hasOlder = true;
  }
}
