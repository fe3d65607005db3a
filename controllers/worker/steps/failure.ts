import { AppError } from '@skyarc/lib/errors';

/** An end of an operation that is the app's or the user's matter: a sentence, no retry. */
export function failure(sentence: string): AppError {
  return new AppError('INVALID', sentence);
}
