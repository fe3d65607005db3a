import type http2 from 'node:http2';
import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import { toConnectError } from './errors.ts';
import { FrameReader, frameOf, grpcHeaders, trailersOf } from './grpc-frame.ts';
import { requestOf } from './request.ts';

/** Our side of a call that goes both ways. */
export interface StreamCall {
  /** Writes one message, given in parts; nothing once the call is over. */
  send(parts: readonly Uint8Array[]): void;
  /** Ends the call after what was sent, with the error when there is one. */
  end(error?: unknown): void;
}

/** Who hears the client of such a call. */
export interface StreamListener<Message> {
  /** Each message, in order. What it throws ends the call. */
  message(message: Message): void;
  /** Once, when the call is over, whoever ended it. */
  closed(): void;
}

/** A method with streams both ways, served in bytes without Connect's general machinery, by gRPC alone. */
export interface DirectStream {
  readonly path: string;
  readonly open: (call: StreamCall) => StreamListener<Uint8Array>;
}

/** Has a method served so; a client that ends its side ends the call. */
export function directStream<In extends DescMessage>(
  method: DescMethodBiDiStreaming<In>,
  open: (call: StreamCall) => StreamListener<MessageShape<In>>,
): DirectStream {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    open(call) {
      const listener = open(call);
      return {
        message: (bytes) => listener.message(requestOf(method.input, bytes)),
        closed: () => listener.closed(),
      };
    },
  };
}

/** Serves one call until either side ends it, or the signal fires. */
export function serveStream(
  { open }: DirectStream,
  stream: http2.ServerHttp2Stream,
  { readMaxBytes, signal }: { readonly readMaxBytes: number; readonly signal: AbortSignal },
): void {
  let isOver = false;
  let outcome: ConnectError | undefined;
  const begin = (): void => {
    if (stream.headersSent) return;
    stream.respond(grpcHeaders, { waitForTrailers: true });
    stream.once('wantTrailers', () => {
      stream.sendTrailers(trailersOf(outcome));
      // A client that never ends its side would keep the connection from ending.
      setImmediate(() => stream.close());
    });
  };
  const call: StreamCall = {
    send(parts) {
      if (isOver || stream.destroyed) return;
      begin();
      stream.write(frameOf(parts));
    },
    end(error) {
      if (isOver || stream.destroyed) return;
      isOver = true;
      outcome = error === undefined ? undefined : toConnectError(error);
      begin();
      stream.end();
    },
  };
  const listener = open(call);
  const frames = new FrameReader(readMaxBytes);
  const stop = (): void => call.end(signal.reason);
  signal.addEventListener('abort', stop);
  stream.on('data', (piece: Buffer) => {
    if (isOver) return;
    try {
      for (const message of frames.read(piece)) listener.message(message);
    } catch (error) {
      call.end(error);
    }
  });
  stream.once('end', () => call.end());
  // A client that goes away needs no answer.
  stream.on('error', () => undefined);
  stream.once('close', () => {
    signal.removeEventListener('abort', stop);
    isOver = true;
    listener.closed();
  });
}
