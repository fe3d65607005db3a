import type http2 from 'node:http2';
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, errorToJsonBytes } from '@connectrpc/connect/protocol-connect';
import { type DirectStream, serveStream } from './direct-stream.ts';
import { toConnectError } from './errors.ts';
import { frameOf, grpcHeaders, prefixBytes, tooLarge, trailersOf } from './grpc-frame.ts';
import { requestOf } from './request.ts';

/** What a handler may ask of a request's headers. */
export interface HeaderSource {
  get(name: string): string | null;
}

/** A unary call that is answered without Connect's general machinery, in bytes. */
export interface DirectCall {
  readonly path: string;
  readonly answer: (request: Uint8Array, headers: HeaderSource) => Promise<Uint8Array>;
}

/** Has a unary method answered directly where that is possible; its handler throws AppErrors as any other. */
export function directCall<In extends DescMessage, Out extends DescMessage>(
  method: DescMethodUnary<In, Out>,
  handle: (request: MessageShape<In>, headers: HeaderSource) => Promise<MessageInitShape<Out>>,
): DirectCall {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    answer: async (bytes, headers) =>
      toBinary(method.output, create(method.output, await handle(requestOf(method.input, bytes), headers))),
  };
}

/** How the two binary protocols of HTTP/2 wrap one request and one answer. */
interface Wire {
  readonly read: (body: Buffer) => Uint8Array;
  readonly write: (stream: http2.ServerHttp2Stream, answer: Uint8Array) => void;
  readonly fail: (stream: http2.ServerHttp2Stream, error: ConnectError) => void;
}

/** Connect's unary calls: bodies as they are, errors as JSON. */
const connectWire: Wire = {
  read: (body) => body,
  write(stream, answer) {
    stream.respond({ ':status': 200, 'content-type': 'application/proto' });
    stream.end(answer);
  },
  fail(stream, error) {
    stream.respond({ ':status': codeToHttpStatus(error.code), 'content-type': 'application/json' });
    stream.end(errorToJsonBytes(error, undefined));
  },
};

/** gRPC: messages in frames, the outcome in trailers. */
const grpcWire: Wire = {
  read(body) {
    const isOne = body.length >= prefixBytes && body.length === prefixBytes + body.readUInt32BE(1);
    if (!isOne || body[0] !== 0)
      throw new ConnectError('a unary call has one message, not compressed', Code.Unimplemented);
    return body.subarray(prefixBytes);
  },
  write(stream, answer) {
    stream.respond(grpcHeaders, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers(trailersOf(undefined)));
    stream.end(frameOf([answer]));
  },
  fail(stream, error) {
    stream.respond({ ...grpcHeaders, ...trailersOf(error) }, { endStream: true });
  },
};

const grpcTypes = ['application/grpc', 'application/grpc+proto'];
const wires: Readonly<Record<string, Wire>> = {
  'application/proto': connectWire,
  ...Object.fromEntries(grpcTypes.map((type) => [type, grpcWire])),
};

/** What only Connect's own machinery understands. Deadlines are kept by clients anyway. */
const special = ['content-encoding', 'grpc-encoding'];

/** What is served directly, by path. */
export interface DirectServices {
  readonly calls: ReadonlyMap<string, DirectCall>;
  readonly streams: ReadonlyMap<string, DirectStream>;
  readonly readMaxBytes: number;
  /** Ends streams. */
  readonly signal: AbortSignal;
}

/** True when it has taken the call; everything special is left to others. */
export function answersDirectly(
  services: DirectServices,
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
): boolean {
  const { readMaxBytes, signal } = services;
  const path = headers[':path'] ?? '';
  const type = headers['content-type'] ?? '';
  if (signal.aborted || headers[':method'] !== 'POST' || special.some((name) => name in headers))
    return false;
  const both = grpcTypes.includes(type) ? services.streams.get(path) : undefined;
  if (both) {
    serveStream(both, stream, services);
    return true;
  }
  const call = services.calls.get(path);
  const wire = wires[type];
  if (!call || !wire) return false;
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= readMaxBytes + prefixBytes) chunks.push(chunk);
  });
  // A client that goes away needs no answer.
  stream.on('error', () => undefined);
  stream.once('end', () => {
    const isTooLarge = bytes > readMaxBytes + prefixBytes;
    void answer(stream, wire, async () => {
      if (isTooLarge) throw tooLarge(readMaxBytes);
      return call.answer(wire.read(Buffer.concat(chunks)), sourceOf(headers));
    });
  });
  return true;
}

async function answer(
  stream: http2.ServerHttp2Stream,
  wire: Wire,
  run: () => Promise<Uint8Array>,
): Promise<void> {
  const respond = await run().then(
    (bytes) => () => wire.write(stream, bytes),
    (error: unknown) => () => wire.fail(stream, toConnectError(error)),
  );
  if (!stream.closed && !stream.destroyed) respond();
}

function sourceOf(headers: http2.IncomingHttpHeaders): HeaderSource {
  return { get: (name) => [headers[name.toLowerCase()]].flat()[0] ?? null };
}
