/** The closed set of error codes; every edge has one table from these to its own words. */
export type ErrorCode =
  | 'INVALID'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'EXHAUSTED'
  | 'UNAVAILABLE'
  | 'TIMEOUT'
  | 'CANCELED'
  | 'INTERNAL';

export interface AppErrorOptions {
  /** Machine-readable facts for the caller, e.g. `{ field: 'branch' }`. Never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The one error class of Skyarc. The message says what failed, with what, and why:
 * `Cannot create app "shop": name is taken in team "blue"`.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** HTTP status of each code (RFC 9110). */
export const httpStatusOf: Readonly<Record<ErrorCode, number>> = {
  INVALID: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  EXHAUSTED: 429,
  UNAVAILABLE: 503,
  TIMEOUT: 504,
  CANCELED: 499,
  INTERNAL: 500,
};

/** WebSocket close code of each code: 4000 and the HTTP status (RFC 6455, 7.4.2 leaves 4000-4999 to us). */
export const closeCodeOf = Object.fromEntries(
  Object.entries(httpStatusOf).map(([code, status]) => [code, 4_000 + status]),
) as Readonly<Record<ErrorCode, number>>;

/** The error as an AppError: itself, CANCELED for an abort, INTERNAL for anything else. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Error && error.name === 'AbortError') {
    return new AppError('CANCELED', 'The work was canceled', { cause: error });
  }
  return new AppError('INTERNAL', messageOf(error), { cause: error });
}

export function isNotFound(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'NOT_FOUND';
}

/** Text of whatever was thrown, for a log line; never shown outside when the code is INTERNAL. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ') || error.message;
  return error instanceof Error ? error.message : String(error);
}

/** What a stranger may read of an error: INTERNAL hides its message behind a fixed sentence. */
export function publicMessageOf(error: AppError): string {
  return error.code === 'INTERNAL'
    ? 'Something went wrong on our side; the log has the details'
    : error.message;
}
