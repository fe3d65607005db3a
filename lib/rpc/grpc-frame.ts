import type http2 from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';

/** gRPC puts five bytes before each message: whether it is compressed, and its length (grpc/doc/PROTOCOL-HTTP2.md). */
export const prefixBytes = 5;
export const grpcHeaders = { ':status': 200, 'content-type': 'application/grpc+proto' } as const;

/** One message, given in parts, as it goes over the wire. */
export function frameOf(parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const frame = Buffer.allocUnsafe(prefixBytes + length);
  frame.writeUInt8(0);
  frame.writeUInt32BE(length, 1);
  let at = prefixBytes;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/** What is said at the end of a call. */
export function trailersOf(error: ConnectError | undefined): http2.OutgoingHttpHeaders {
  if (!error) return { 'grpc-status': '0' };
  const trailers = new Headers();
  setTrailerStatus(trailers, error);
  return Object.fromEntries(trailers);
}

export function tooLarge(limitBytes: number): ConnectError {
  return new ConnectError(`message is larger than ${limitBytes} bytes`, Code.ResourceExhausted);
}

/** Puts messages together again from what arrives. */
export class FrameReader {
  private readonly limitBytes: number;
  private rest: Buffer = Buffer.alloc(0);

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** The messages that this piece completes. Throws a ConnectError for one that is compressed or too large. */
  *read(piece: Buffer): Generator<Uint8Array> {
    this.rest = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece]);
    while (this.rest.length >= prefixBytes) {
      if (this.rest[0] !== 0) throw new ConnectError('messages are not compressed here', Code.Unimplemented);
      const length = this.rest.readUInt32BE(1);
      if (length > this.limitBytes) throw tooLarge(this.limitBytes);
      const end = prefixBytes + length;
      if (this.rest.length < end) return;
      const message = this.rest.subarray(prefixBytes, end);
      this.rest = this.rest.subarray(end);
      yield message;
    }
  }
}
