import { z } from 'zod';

export const operationKind = z.enum([
  'DEPLOY',
  'START',
  'STOP',
  'RESTART',
  'UPGRADE',
  'ROLLBACK',
  'SCALE',
  'CONFIGURE',
  'RUN',
  'GREY_START',
  'GREY_PROMOTE',
  'GREY_ABORT',
  'DELETE',
]);
export type OperationKind = z.infer<typeof operationKind>;

export const operationStatus = z.enum(['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'TIMED_OUT']);
export type OperationStatus = z.infer<typeof operationStatus>;

/** True once nothing will change the operation any more. */
export function isFinal(status: OperationStatus): boolean {
  return status !== 'QUEUED' && status !== 'RUNNING';
}

/** Ordered phases of operations, as the console shows them. */
export const operationStepName = z.enum([
  'FETCH',
  'DETECT',
  'BUILD',
  'PUBLISH',
  'APPLY',
  'ROLL_OUT',
  'CLEAN_UP',
]);
export type OperationStepName = z.infer<typeof operationStepName>;
