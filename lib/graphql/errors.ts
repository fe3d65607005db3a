import { AppError, type ErrorCode, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';

/** An error as it is in a response: `extensions.code` is one of ours, `extensions.details` its facts. */
export type GraphQLErrorPayload = GraphQLFormattedError;

const codes = new Set<string>([
  'INVALID',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'CONFLICT',
  'EXHAUSTED',
  'UNAVAILABLE',
  'TIMEOUT',
  'CANCELED',
  'INTERNAL',
] satisfies ErrorCode[]);

/** Errors for the outside. What has no code of ours is INTERNAL: logged here, once, and masked. */
export function formatErrors(errors: readonly unknown[], log: Logger): GraphQLErrorPayload[] {
  return errors.map((error) => format(error, log));
}

function format(error: unknown, log: Logger): GraphQLErrorPayload {
  const { path, locations, extensions, message } = error as Partial<GraphQLError>;
  const place = { ...(locations ? { locations } : {}), ...(path ? { path } : {}) };
  const original = originOf(error);
  const code = extensions?.['code'];
  if (!(original instanceof AppError) && typeof code === 'string' && codes.has(code)) {
    const details = extensions?.['details'];
    return { message: message ?? code, ...place, extensions: { code, ...(details ? { details } : {}) } };
  }
  if (error instanceof GraphQLError && !original) {
    return { message: error.message, ...place, extensions: { code: 'INVALID' } };
  }
  const appError = toAppError(original ?? error);
  if (appError.code === 'INTERNAL') log.error({ err: appError.cause ?? appError, path }, 'request failed');
  const details = appError.code === 'INTERNAL' ? {} : appError.details;
  return {
    message: publicMessageOf(appError),
    ...place,
    extensions: { code: appError.code, ...(Object.keys(details).length > 0 ? { details } : {}) },
  };
}

/** The errors of what was thrown: a list, an AggregateError of several, or just one. */
export function allOf(error: unknown): readonly unknown[] {
  if (Array.isArray(error)) return error;
  return error instanceof AggregateError ? error.errors : [error];
}

/** What a resolver threw, below the errors that GraphQL wraps around it. */
function originOf(error: unknown): unknown {
  let origin: unknown = error instanceof AppError ? error : undefined;
  for (let inner = error; inner instanceof GraphQLError; inner = inner.originalError)
    origin = inner.originalError;
  return origin;
}

/** The first of a response's errors as the AppError that the server threw. */
export function fromGraphQLErrors(errors: readonly GraphQLErrorPayload[]): AppError {
  const first = errors[0];
  const code = first?.extensions?.['code'];
  const details = first?.extensions?.['details'];
  return new AppError(
    typeof code === 'string' && codes.has(code) ? (code as ErrorCode) : 'INTERNAL',
    first?.message ?? 'The answer has an error without a message',
    { details: typeof details === 'object' && details ? (details as Record<string, unknown>) : {} },
  );
}
