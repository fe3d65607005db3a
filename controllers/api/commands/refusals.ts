import { AppError } from '@skyarc/lib/errors';

/** An input that makes no sense; `field` is the way to it as the API has it, e.g. `routes.0.host`. */
export function invalid(what: string, field: string, message: string): AppError {
  return new AppError('INVALID', `${what}: ${field}: ${message}`, { details: { field } });
}

/** An input that somebody else's thing is in the way of. */
export function conflict(what: string, field: string, message: string): AppError {
  return new AppError('CONFLICT', `${what}: ${field}: ${message}`, { details: { field } });
}
