import { once } from 'node:events';
import { type ConnectRouter, type ConnectRouterOptions, createConnectRouter } from '@connectrpc/connect';
import { type connectNodeAdapter, universalRequestFromNodeRequest } from '@connectrpc/connect-node';
import {
  assertByteStreamRequest,
  encodeEnvelope,
  readAllBytes,
  transformSplitEnvelope,
  type UniversalHandler,
} from '@connectrpc/connect/protocol';
import {
  codeToHttpStatus,
  contentTypeStreamJson,
  endStreamFlag,
  endStreamFromJson,
  errorToJson,
} from '@connectrpc/connect/protocol-connect';
import { toConnectError } from './errors.ts';

type NodeHandler = ReturnType<typeof connectNodeAdapter>;
type NodeRequest = Parameters<NodeHandler>[0];
type NodeResponse = Parameters<NodeHandler>[1];
/** Whether a request was taken. */
export type TakesRequest = (request: NodeRequest, response: NodeResponse) => boolean;

/**
 * Serves methods that answer with a stream to whoever has nothing but HTTP, such as `curl -N`: one JSON in, a line of
 * JSON out for each message. An error before the first has its HTTP status; a later one is the last line, `{"error"}`.
 */
export function jsonLines(
  routes: (router: ConnectRouter) => void,
  options: ConnectRouterOptions & { readonly readMaxBytes: number },
): TakesRequest {
  const router = createConnectRouter({ ...options, grpc: false, grpcWeb: false });
  routes(router);
  const handlers = new Map(
    router.handlers
      .filter(({ method }) => method.methodKind === 'server_streaming')
      .map((handler) => [handler.requestPath, handler]),
  );
  return (request, response) => {
    const handler = handlers.get(request.url ?? '');
    const isJson = /^application\/json *(;|$)/i.test(request.headers['content-type'] ?? '');
    if (!handler || !isJson || request.method !== 'POST') return false;
    // A client that goes away needs no answer.
    void answer(handler, { request, response, maxBytes: options.readMaxBytes }).catch(() =>
      response.destroy(),
    );
    return true;
  };
}

interface Exchange {
  readonly request: NodeRequest;
  readonly response: NodeResponse;
  readonly maxBytes: number;
}

async function answer(handler: UniversalHandler, { request, response, maxBytes }: Exchange): Promise<void> {
  const asked = universalRequestFromNodeRequest(request, response, undefined, undefined);
  const { signal } = asked;
  const write = async (line: string): Promise<void> => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    if (!response.write(`${line}\n`)) await once(response, 'drain', { signal });
  };
  try {
    for await (const { flags, data } of framesOf(handler, asked, maxBytes)) {
      if ((flags & endStreamFlag) === 0) await write(new TextDecoder().decode(data));
      else if (endStreamFromJson(data).error) throw endStreamFromJson(data).error;
    }
  } catch (thrown) {
    if (signal.aborted) return;
    const error = toConnectError(thrown);
    const said = errorToJson(error, undefined);
    if (response.headersSent) await write(JSON.stringify({ error: said }));
    else {
      response.writeHead(codeToHttpStatus(error.code), { 'content-type': 'application/json' });
      response.write(JSON.stringify(said));
    }
  }
  response.end();
}

/** The call as Connect's own protocol has it: each message in an envelope. */
async function* framesOf(
  handler: UniversalHandler,
  asked: ReturnType<typeof universalRequestFromNodeRequest>,
  maxBytes: number,
) {
  assertByteStreamRequest(asked);
  const header = new Headers(asked.header);
  header.set('content-type', contentTypeStreamJson);
  header.delete('content-length');
  const sent = await readAllBytes(asked.body, maxBytes);
  async function* body() {
    yield encodeEnvelope(0, sent);
  }
  const answered = await handler({ ...asked, header, body: body() });
  yield* transformSplitEnvelope(0xffff_ffff)(answered.body ?? body());
}
