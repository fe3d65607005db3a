/** What the load of a log bench is told. */
export interface LoadOptions {
  readonly protocol: 'blocks' | 'syslog';
  readonly port: number;
  readonly connections: number;
  readonly apps: number;
  /** Of all connections together. */
  readonly lines: number;
  /** Tells this run's producers and files from those of other runs. */
  readonly run: string;
  /** All of it is sent so often, to other apps each time, whose names end in a number from 0; once, without one, when absent. */
  readonly times?: number;
}

/** About 196 bytes with its newline, as an access log has them. */
export function lineOf(number: number): string {
  const noise = ((number * 2_654_435_761) >>> 0).toString(36).padStart(7, '0');
  const head = `2026-01-01T00:00:${String(number % 60).padStart(2, '0')}Z INFO request=${noise} line=${number}`;
  const text = `${head} method=GET path=/api/v1/items/${number % 10_007} status=200 ms=${number % 89} `;
  return text.padEnd(195, 'user-agent=Mozilla/5.0 (X11; Linux x86_64) ');
}

export const appOf = (run: string, app: number): string => `${run}-${app}`;
