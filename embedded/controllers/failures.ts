import { AppError, isNotFound } from '@skyarc/lib/errors';

/** Swallows NOT_FOUND: what we wanted gone, or wanted to describe, is gone. */
export function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

/** True when a creation was refused because the name is taken. */
export function isTaken(error: unknown): boolean {
  return (
    error instanceof AppError && error.code === 'CONFLICT' && error.details['reason'] === 'AlreadyExists'
  );
}

/** True when a creation was refused because the namespace is being deleted: nothing to retry. */
export function isNamespaceEnding(error: unknown): boolean {
  return (
    error instanceof AppError && error.code === 'FORBIDDEN' && error.message.includes('being terminated')
  );
}
