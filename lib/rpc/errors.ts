import { fromJson, type JsonObject, toJson } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { AppError, type ErrorCode, publicMessageOf, toAppError } from '@skyarc/lib/errors';

const connectCodeOf: Readonly<Record<ErrorCode, Code>> = {
  INVALID: Code.InvalidArgument,
  UNAUTHENTICATED: Code.Unauthenticated,
  FORBIDDEN: Code.PermissionDenied,
  NOT_FOUND: Code.NotFound,
  CONFLICT: Code.Aborted,
  EXHAUSTED: Code.ResourceExhausted,
  UNAVAILABLE: Code.Unavailable,
  TIMEOUT: Code.DeadlineExceeded,
  CANCELED: Code.Canceled,
  INTERNAL: Code.Internal,
};

const errorCodeOf: Readonly<Partial<Record<Code, ErrorCode>>> = {
  [Code.InvalidArgument]: 'INVALID',
  [Code.OutOfRange]: 'INVALID',
  [Code.Unauthenticated]: 'UNAUTHENTICATED',
  [Code.PermissionDenied]: 'FORBIDDEN',
  [Code.NotFound]: 'NOT_FOUND',
  [Code.Unimplemented]: 'NOT_FOUND',
  [Code.Aborted]: 'CONFLICT',
  [Code.AlreadyExists]: 'CONFLICT',
  [Code.FailedPrecondition]: 'CONFLICT',
  [Code.ResourceExhausted]: 'EXHAUSTED',
  [Code.Unavailable]: 'UNAVAILABLE',
  [Code.DeadlineExceeded]: 'TIMEOUT',
  [Code.Canceled]: 'CANCELED',
};

/** The error for the wire; code and details travel as a google.protobuf.Struct, INTERNAL hides its message. */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  const appError = toAppError(error);
  const details = appError.code === 'INTERNAL' ? {} : jsonOf(appError.details);
  return new ConnectError(
    publicMessageOf(appError),
    connectCodeOf[appError.code],
    undefined,
    [{ desc: StructSchema, value: fromJson(StructSchema, { code: appError.code, details }) }],
    error,
  );
}

/** The AppError that a server threw, or the nearest one for a failure of transport or protocol. */
export function fromConnectError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const connectError = ConnectError.from(error);
  const struct = connectError.findDetails(StructSchema)[0];
  const sent = struct ? (toJson(StructSchema, struct) as { code?: ErrorCode; details?: JsonObject }) : {};
  const isTransport = !connectError.isWireError && localFailures.has(connectError.code);
  const code = sent.code ?? (isTransport ? 'UNAVAILABLE' : (errorCodeOf[connectError.code] ?? 'INTERNAL'));
  return new AppError(code, connectError.rawMessage || Code[connectError.code], {
    details: sent.details ?? {},
    cause: error,
  });
}

/** Codes that a client gives to a broken connection or a failed handshake. */
const localFailures = new Set([Code.Internal, Code.Unknown, Code.Aborted]);

/** Translates what handlers throw, before and within a stream. */
export const serverErrors: Interceptor = (next) => async (request) => {
  try {
    const response = await next(request);
    return response.stream ? { ...response, message: translated(response.message) } : response;
  } catch (error) {
    throw toConnectError(error);
  }
};

async function* translated<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw toConnectError(error);
  }
}

function jsonOf(value: unknown): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
