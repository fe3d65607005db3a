import pino from 'pino';

export type Logger = pino.Logger;

const secretPaths = ['password', 'token', 'secret', 'authorization', 'cookie', 'credential', 'key'].flatMap(
  (name) => [name, `*.${name}`, `*.*.${name}`],
);

/**
 * A JSON-lines logger on standard output that names its service and redacts secrets.
 * The level is `info` unless the process was started with another one (see `setLogLevel`).
 */
export function createLogger(service: string, bindings: Record<string, unknown> = {}): Logger {
  return root.child({ service, ...bindings }, {});
}

const root = pino({
  level: 'info',
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
  redact: { paths: secretPaths, censor: '[redacted]' },
});

/** Level of loggers made after this call; only a process's main calls it. */
export function setLogLevel(level: pino.LevelWithSilent): void {
  root.level = level;
}
