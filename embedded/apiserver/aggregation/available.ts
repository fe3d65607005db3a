import { nowText, type JsonObject } from '../object.ts';

/** The condition that says whether the API answers. */
export function available(status: 'True' | 'False', reason: string, message: string): JsonObject {
  return { type: 'Available', status, reason, message, lastTransitionTime: nowText() };
}
