import { AppError, publicMessageOf, type ErrorCode } from '@skyarc/lib/errors';
import type { FieldError } from './field-error.ts';
import type { JsonObject } from './object.ts';

/** What an error says of an object: enough of a Kind and of a served resource. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
}

const codeOf: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'INVALID',
  406: 'INVALID',
  409: 'CONFLICT',
  410: 'CONFLICT',
  413: 'EXHAUSTED',
  415: 'INVALID',
  422: 'INVALID',
  429: 'EXHAUSTED',
  500: 'INTERNAL',
  501: 'INVALID',
  503: 'UNAVAILABLE',
  504: 'TIMEOUT',
};

/** Status and reason of errors that were not made for the wire. */
const wireOf: Readonly<Record<ErrorCode, readonly [number, string]>> = {
  INVALID: [400, 'BadRequest'],
  UNAUTHENTICATED: [401, 'Unauthorized'],
  FORBIDDEN: [403, 'Forbidden'],
  NOT_FOUND: [404, 'NotFound'],
  CONFLICT: [409, 'Conflict'],
  EXHAUSTED: [429, 'TooManyRequests'],
  UNAVAILABLE: [503, 'ServiceUnavailable'],
  TIMEOUT: [504, 'Timeout'],
  CANCELED: [499, 'ClientClosedRequest'],
  INTERNAL: [500, 'InternalError'],
};

/**
 * An error as Kubernetes words it: `details.reason`, `details.status` (HTTP) and `details.object`
 * (the Status's details: name, group, kind, causes).
 */
export function apiError(status: number, reason: string, message: string, object?: JsonObject): AppError {
  return new AppError(codeOf[status] ?? 'INTERNAL', message, { details: { reason, status, object } });
}

export const badRequest = (message: string): AppError => apiError(400, 'BadRequest', message);

export function notFound(resource: ResourceName, name: string): AppError {
  return apiError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, detailsOf(resource, name));
}

export function alreadyExists(resource: ResourceName, name: string): AppError {
  return apiError(
    409,
    'AlreadyExists',
    `${qualified(resource)} "${name}" already exists`,
    detailsOf(resource, name),
  );
}

export function conflict(resource: ResourceName, name: string, why = changed): AppError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return apiError(409, 'Conflict', message, detailsOf(resource, name));
}
const changed = 'the object has been modified; please apply your changes to the latest version and try again';

export function forbidden(resource: ResourceName, name: string, why: string): AppError {
  const message = `${qualified(resource)} "${name}" is forbidden: ${why}`;
  return apiError(403, 'Forbidden', message, detailsOf(resource, name));
}

export function expired(message = 'The resourceVersion for the provided watch is too old.'): AppError {
  return apiError(410, 'Expired', message);
}

/** 422 with one cause per field, in the words of Kubernetes' aggregated field errors. */
export function invalid(
  kind: { group: string; kind: string },
  name: string,
  errors: readonly FieldError[],
): AppError {
  const texts = errors.map((error) => `${error.field}: ${error.message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const qualifiedKind = kind.group ? `${kind.kind}.${kind.group}` : kind.kind;
  return apiError(422, 'Invalid', `${qualifiedKind} "${name}" is invalid: ${list}`, {
    name,
    group: kind.group || undefined,
    kind: kind.kind,
    causes: errors.map((error) => ({ reason: error.reason, message: error.message, field: error.field })),
  });
}

/** The Status object (meta/v1) that tells a client of an error. */
export function statusOf(error: AppError): JsonObject & { code: number } {
  const [status, reason] = wireOf[error.code];
  const { details } = error;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: publicMessageOf(error),
    reason: typeof details['reason'] === 'string' ? details['reason'] : reason,
    ...(details['object'] ? { details: details['object'] } : {}),
    code: typeof details['status'] === 'number' ? details['status'] : status,
  };
}

function qualified(resource: ResourceName): string {
  return resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
}

function detailsOf(resource: ResourceName, name: string): JsonObject {
  return { name, group: resource.group || undefined, kind: resource.plural };
}
