/** Codes of the API; a client acts on these, people read the message. */
export type SkyarcErrorCode =
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

export interface SkyarcErrorOptions {
  /** Where in the answer the error stands, e.g. `['team', 'apps']`. */
  readonly path?: readonly (string | number)[];
  /** Machine-readable facts, e.g. `{ field: 'branch' }`. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one error that the client throws; its message is a sentence for people. */
export class SkyarcError extends Error {
  readonly code: SkyarcErrorCode;
  readonly path: readonly (string | number)[];
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: SkyarcErrorCode, message: string, options: SkyarcErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'SkyarcError';
    this.code = code;
    this.path = options.path ?? [];
    this.details = options.details ?? {};
  }
}

/** An error as GraphQL writes it (GraphQL specification, section 7.1.2). */
export interface GraphQLErrorAnswer {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

const codes: ReadonlySet<string> = new Set<SkyarcErrorCode>([
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
]);

// GraphQL servers name the mistakes of a document in words of their own.
const foreignCodes: Readonly<Record<string, SkyarcErrorCode>> = {
  BAD_USER_INPUT: 'INVALID',
  GRAPHQL_PARSE_FAILED: 'INVALID',
  GRAPHQL_VALIDATION_FAILED: 'INVALID',
};

/** One error of an answer as a SkyarcError. */
export function fromAnswer(answer: GraphQLErrorAnswer): SkyarcError {
  const { code, details } = answer.extensions ?? {};
  const name = typeof code === 'string' ? code : '';
  const known = codes.has(name) ? (name as SkyarcErrorCode) : (foreignCodes[name] ?? 'INTERNAL');
  return new SkyarcError(known, answer.message, {
    ...(answer.path && { path: answer.path }),
    ...(typeof details === 'object' && details !== null && { details: { ...details } }),
  });
}

/** UNAVAILABLE: the server could not be asked. */
export function unreachable(cause: unknown): SkyarcError {
  return new SkyarcError(
    'UNAVAILABLE',
    'Cannot reach the Skyarc server: check the connection and try again',
    {
      cause,
    },
  );
}

/** CANCELED: the caller's signal ended the wait. */
export function canceled(cause: unknown): SkyarcError {
  return new SkyarcError('CANCELED', 'The request was canceled', { cause });
}
