import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';

/** The message that a client sent. Throws a ConnectError of InvalidArgument for what is none. */
export function requestOf<In extends DescMessage>(schema: In, bytes: Uint8Array): MessageShape<In> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw ConnectError.from(error, Code.InvalidArgument);
  }
}
